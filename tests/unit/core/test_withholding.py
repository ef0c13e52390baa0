"""Records without what is withheld: nothing is left of that, and nothing else is gone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.withholding import without_kinds
from hub.model.event import CaseEvent
from hub.model.marks import personal_fields
from hub.model.personal import Personal
from hub.settings import ROOT
from tests.mutations import CODEC

EXAMPLES = json.loads((ROOT / "schemas" / "CaseEvent" / "v2.examples.json").read_text("utf-8"))
KINDS = sorted(set(personal_fields(CaseEvent).values()) - {Personal.NONE})
MARKS = personal_fields(CaseEvent)


def told(records: list[dict[str, Any]], withheld: frozenset[Personal]) -> list[dict[str, Any]]:
    bodies = [CODEC.encode_one(CaseEvent.subject(), each)[5:] for each in records]
    changed = CODEC.bodies_changed(CaseEvent.subject(), bodies, lambda batch: without_kinds(batch, CaseEvent, withheld))
    return [CODEC.decode_body(CaseEvent.subject(), body) for body in changed]


def value(record: dict[str, Any], path: str) -> Any:
    if path.endswith("{}") or "[]" in path:
        return record[path.partition("[")[0].removesuffix("{}")]
    for name in path.split("."):
        record = record[name]
    return record


@given(
    st.lists(st.sampled_from(EXAMPLES), min_size=1, max_size=6),
    st.frozensets(st.sampled_from(KINDS)),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
)
def test_what_is_withheld_is_empty_and_all_else_is_as_it_was(
    records: list[dict[str, Any]], withheld: frozenset[Personal], text: str
) -> None:
    records = [{**each, "title": text, "text": text, "attributes": {"a": text}} for each in records]
    for before, after in zip(records, told(records, withheld), strict=True):
        for path, mark in MARKS.items():
            if mark in withheld:
                assert not value(after, path), path
            elif not path.startswith("attachments[]") or Personal.FILES not in withheld:
                assert value(after, path) == value(before, path), path
        assert all(after[name] == before[name] for name in ("revision", "kind", "reported_at", "due_at", "urgency"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mark_is_of_some_field(kind: Personal) -> None:
    (full, *_) = [each for each in EXAMPLES if each["attachments"] and each["attributes"] and each["place"]["address"]]
    assert told([full], frozenset({kind})) != [full]

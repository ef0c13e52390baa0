"""The trail as a chain: whatever somebody does to an export, it is found."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.errors import FatalError
from hub.web.access.chain import AuditedAct, Head, TrailEntry, appended, export_lines, verified

_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_ACTS = st.builds(AuditedAct, st.text(), st.text(), _JSON, _JSON)


def chain(acts: list[AuditedAct]) -> list[TrailEntry]:
    entries: list[TrailEntry] = []
    head = Head()
    for number, act in enumerate(acts):
        entries.append(appended(head, 1_000 + number, "li", act))
        head = Head(entries[-1].number, entries[-1].digest)
    return entries


@given(st.lists(_ACTS, max_size=5))
def test_what_was_written_holds_and_each_head_of_it_is_met(acts: list[AuditedAct]) -> None:
    entries = chain(acts)
    lines = list(export_lines(entries))
    for head in (Head(), *(Head(entry.number, entry.digest) for entry in entries)):
        assert verified(lines, head).entries == len(acts)


@given(st.lists(_ACTS, min_size=1, max_size=5), st.data())
def test_a_removed_doubled_or_moved_line_is_found(acts: list[AuditedAct], data: st.DataObject) -> None:
    lines = list(export_lines(chain(acts)))
    number, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    moved = [*lines[:number], *lines[number + 1 :]]
    spoilt = data.draw(
        st.sampled_from([moved, [*moved[:other], lines[number], *moved[other:]], [*lines, lines[number]]])
    )
    assume(spoilt != lines)
    with pytest.raises(FatalError, match="line"):
        verified(spoilt)


@given(st.lists(_ACTS, min_size=1, max_size=4), st.data(), _JSON)
def test_a_changed_value_is_found(acts: list[AuditedAct], data: st.DataObject, value: Any) -> None:
    lines = list(export_lines(chain(acts)))
    number = data.draw(st.integers(0, len(lines) - 1))
    row = json.loads(lines[number])
    name = data.draw(st.sampled_from(sorted(row)))
    assume(json.dumps(row[name]) != json.dumps(value) and row[name] != value)
    spoilt = [*lines[:number], json.dumps(row | {name: value}), *lines[number + 1 :]]
    with pytest.raises(FatalError, match="line"):
        verified(spoilt)


@given(st.lists(_ACTS, min_size=1, max_size=3), st.data())
def test_a_changed_character_is_found_or_changes_nothing(acts: list[AuditedAct], data: st.DataObject) -> None:
    lines = list(export_lines(chain(acts)))
    number = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines[number]) - 1))
    character = data.draw(st.characters(exclude_characters="\n", codec="utf-8"))
    line = lines[number][:place] + character + lines[number][place + 1 :]
    with contextlib.suppress(ValueError):
        assume(json.loads(line) != json.loads(lines[number]))
    with pytest.raises(FatalError, match="line"):
        verified([*lines[:number], line, *lines[number + 1 :]])


def test_a_chain_made_anew_is_found_by_a_head_that_was_noted() -> None:
    first, anew = chain([AuditedAct("a", "1"), AuditedAct("b", "2")]), chain([AuditedAct("a", "1")])
    noted = Head(first[1].number, first[1].digest)
    with pytest.raises(FatalError, match="made anew"):
        verified(export_lines(anew), noted)


@pytest.mark.parametrize("lines", [[], ["{}"], ["[]"], ["x"], ['{"number": 1}'], ['{"entries": 0}']])
def test_what_is_no_export_is_said(lines: list[str]) -> None:
    with pytest.raises(FatalError, match="line"):
        verified(lines)


@pytest.mark.parametrize("value", [float("nan"), object(), "x" * 200_000])
def test_what_cannot_be_in_a_trail(value: Any) -> None:
    with pytest.raises(FatalError, match=r"case\.assign"):
        appended(Head(), 0, "li", AuditedAct("case.assign", "C1", value))

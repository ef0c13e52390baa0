"""Every text of every schema says whether it can be personal, and the check of it can fail."""

from pathlib import Path
from typing import Annotated, Any

import pytest

from hub.model.base import HubLine, LineText, Record
from hub.model.marks import all_marks, personal_fields
from hub.model.personal import Personal
from hub.settings import ROOT
from ops.checks import personal


def test_all_is_marked_and_the_pages_say_so() -> None:
    assert list(personal.problems()) == []


class _Inner(Record):
    NAME = "Inner"
    said: LineText


class _WithInner(Record):
    NAME = "WithInner"
    inner: _Inner | None = None


class _WithList(Record):
    NAME = "WithList"
    names: list[str]


class _WithMap(Record):
    NAME = "WithMap"
    names: dict[str, str]


class _WithBytes(Record):
    NAME = "WithBytes"
    raw: bytes | None = None


@pytest.mark.parametrize(
    ("record", "path"),
    [(_WithInner, "inner.said"), (_WithList, r"names\[\]"), (_WithMap, r"names\{\}"), (_WithBytes, "raw")],
)
def test_a_text_that_nobody_marked_is_named(record: type[Record], path: str) -> None:
    with pytest.raises(ValueError, match=rf"{record.NAME}\.{path} does not say whether it can be personal"):
        personal_fields(record)


def test_whoever_uses_a_type_has_the_last_word() -> None:
    class Used(Record):
        NAME = "Used"
        own: HubLine
        words: Annotated[HubLine, Personal.WORDS]

    assert personal_fields(Used) == {"own": Personal.NONE, "words": Personal.WORDS}


def test_a_text_of_any_version_is_looked_for(tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    (folder / "Reply").mkdir(parents=True)
    published = (ROOT / "schemas" / "Reply" / "v1.avsc").read_text("utf-8")
    (folder / "Reply" / "v2.avsc").write_text(published.replace('"name": "text"', '"name": "aside"'), "utf-8")
    (problem,) = personal.unmarked(folder, all_marks())
    assert problem.startswith("schemas/Reply/v2.avsc: aside does not say")


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ({"type": "record", "name": "A", "fields": [{"name": "a", "type": ["null", "bytes"]}]}, ["a"]),
        ({"type": "record", "name": "A", "fields": [{"name": "a", "type": {"type": "map", "values": "string"}}]}, ["a{}"]),
        ({"type": "record", "name": "A", "fields": [{"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["X"]}}]}, []),
        ({"type": "record", "name": "A", "fields": [{"name": "a", "type": {"type": "string", "logicalType": "uuid"}}]}, ["a"]),
    ],
)  # fmt: skip
def test_texts_are_found_wherever_they_are(schema: Any, paths: list[str]) -> None:
    assert list(personal.texts(schema, "", {})) == paths


@pytest.mark.parametrize("name", ["REGISTRY", "PAGE"])
def test_what_is_stale_or_gone_is_noticed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal, "ROOT", tmp_path)
    stale = tmp_path / getattr(personal, name).name
    stale.write_text(getattr(personal, name).read_text("utf-8").replace("words", "wrods"), "utf-8")
    monkeypatch.setattr(personal, "unmarked", lambda *_: ())
    for other in {"REGISTRY", "PAGE"} - {name}:
        there = tmp_path / getattr(personal, other).name
        there.write_text(getattr(personal, other).read_text("utf-8"), "utf-8")
        monkeypatch.setattr(personal, other, there)
    monkeypatch.setattr(personal, name, stale)
    assert [problem.split(" ")[0] for problem in personal.problems()] == [stale.name]

"""The one reader of YAML: policy, manifests, mappings, scenarios and what operators are given go through it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from hub.declared.document import load_yaml, read_document, read_yaml
from hub.declared.problems import DeclarationError, Problems


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = 0


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    parts: tuple[Part, ...] = ()
    either: int | Part | None = None
    named: dict[str, Part] = Field(default_factory=dict)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "w.yaml").write_text(text, "utf-8")
    with pytest.raises(DeclarationError) as caught:
        load_yaml(tmp_path / "w.yaml", Whole)
    assert str(tmp_path / "w.yaml") in str(caught.value).splitlines()[0]
    return [str(problem) for problem in caught.value.problems]


def test_all_mistakes_of_a_file_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = "title: t\nparts:\n- name: a\n  nmae: b\n- size: many\nnamed:\n  x: {name: n}\n  x: {name: m}\n"
    assert mistakes(tmp_path, text) == [
        "w.yaml:4: unknown key 'nmae' at parts.0.nmae; did you mean 'name'? (remove it or mend its name)",
        "w.yaml:5: parts.1.name is missing; add it",
        "w.yaml:5: parts.1.size: Input should be a valid integer, unable to parse string as an integer",
        "w.yaml:8: the key 'x' stands here a second time; keep one of the two",
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [("a", "a"), ("a", '"a"'), ("yes", "true"), ("1", "0x1"), ("1", "1.0"), ("null", "~"), ("1", '"1"'), ("on", "1")],
)
def test_a_key_given_twice_is_refused_however_it_is_spelt(first: str, second: str, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(f"? {first}\n: 1\n? {second}\n: 2\n")
    assert len(yaml.load((tmp_path / "w.yaml").read_text(), yaml.SafeLoader)) == 1 + (first == "1" and second == '"1"')
    with pytest.raises(DeclarationError, match=r"w\.yaml:3: the key .* stands here a second time"):
        read_yaml(tmp_path / "w.yaml")


def test_a_key_that_overrides_one_that_is_merged_is_not_given_twice(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("x: &x {a: 1, b: 2}\ny: {<<: *x, a: 3}\n")
    assert read_yaml(tmp_path / "w.yaml")["y"] == {"a": 3, "b": 2}


def test_the_line_of_a_member_of_a_union_is_that_of_its_value(tmp_path: Path) -> None:
    text = "title: t\neither:\n  name: n\n  size: many\n"
    assert [told[:9] for told in mistakes(tmp_path, text)] == ["w.yaml:2:", "w.yaml:4:"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_lacks_what_must_be_there(text: str, tmp_path: Path) -> None:
    assert mistakes(tmp_path, text)[0].endswith(": title is missing; add it")


def test_what_is_not_there_and_what_is_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"none\.yaml: the file is missing; add it"):
        load_yaml(tmp_path / "none.yaml", Whole)
    (tmp_path / "w.yaml").write_bytes(b"title: \xff\n")
    with pytest.raises(DeclarationError, match=r"w\.yaml: cannot be read as UTF-8 text"):
        load_yaml(tmp_path / "w.yaml", Whole)
    assert mistakes(tmp_path, "title: t\n---\ntitle: u\n")[0].startswith("w.yaml:")


keys = st.text("abc", min_size=1, max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("a1~ 案-:#*&", max_size=5),
    lambda each: st.lists(each, max_size=3).map(tuple) | st.dictionaries(keys, each, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(keys, values, max_size=4))
def test_what_is_written_is_read_with_a_line_for_every_value(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(yaml.safe_dump(_lists(value), allow_unicode=True), "utf-8")
    problems = Problems("written.yaml")
    document = read_document(path, problems)
    assert document is not None
    assert document.value == value
    assert not problems.problems
    assert document.lines.keys() >= set(_places(value))


def _lists(value: object) -> object:
    if isinstance(value, dict):
        return {key: _lists(each) for key, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, tuple) else value


def _places(value: object, at: tuple[object, ...] = ()) -> list[object]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    return [at, *(place for key, each in parts for place in _places(each, (*at, key)))]


@pytest.mark.parametrize("text", ["? [a, {b: c}]\n: 1\n", "x:\n  ? [[{}]]\n  : 1\n", "? {a: b}\n: 1\n"])
def test_a_key_that_no_key_can_be_is_a_mistake(text: str, tmp_path: Path) -> None:
    (tmp_path / "city.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match="not YAML"):
        read_yaml(tmp_path / "city.yaml")

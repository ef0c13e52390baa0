"""YAML stands for as much as it is written with, or is refused with its line, in every loader that the hub has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hub.declared.document import read_document, read_yaml
from hub.declared.problems import DeclarationError, Problems
from hub.declared.yaml_bounds import MAX_DEPTH, MAX_REPEATED, require_bounded
from hub.errors import FatalError
from hub.sdk.edges_file import read_edges_file
from hub.sdk.mapping.mapping import load_mapping

LAUGHS = "\n".join(["a0: &a0 [lol]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12))])
BAD = {
    "a billion laughs": (LAUGHS, "aliases repeat more than"),
    "a billion laughs in keys": (LAUGHS.replace("[lol]", "{k: v}"), "aliases repeat more than"),
    "an alias of itself": ("a: &a [*a]", "stands within what it repeats"),
    "an alias of itself, further out": ("a: &a {b: {c: [1, *a]}}", "stands within what it repeats"),
    "merged for ever": ("a: &a\n  <<: *a", "stands within what it repeats"),
    "a bottomless list": ("[" * 100_000, "nested deeper than|nesting depth"),
    "a bottomless mapping": ("{a: " * 10_000, "nested deeper than"),
    "a bottomless block": ("\n".join(" " * n + "a:" for n in range(2_000)), "nested deeper than"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_out_of_proportion_is_refused_by_the_policy(name: str, tmp_path: Path) -> None:
    text, said = BAD[name]
    (tmp_path / "routes.yaml").write_text(text)
    problems = Problems("a folder")
    assert read_document(tmp_path / "routes.yaml", problems) is None
    (found,) = problems.problems
    assert re.search(said, found.what)
    assert found.line >= 1


@pytest.mark.parametrize("name", BAD)
def test_and_by_manifests_and_mappings(name: str, tmp_path: Path) -> None:
    text, said = BAD[name]
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(FatalError, match=said):
        load_mapping(tmp_path / "m.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "? [a, b]\n: c", "9" * 5_000, "a: " + "9" * 5_000, "a: !!timestamp 2020-99-99", "\x00", "a: *b",
        "a: !!bool maybe", "!!bool maybe: 1", "a: !!int ''", "a: !!int _", "a: !!int +", "!!int '': 1", "a: !!float ''",
        "a: !!float _", "a: !!timestamp soon", "!!timestamp soon: 1", "a: !!binary é", "a: !!omap [b]", "a: !!int 0b2",
        "a: !!python/object:os.system ls", "a: !!str [b]", "a: !!set [b]", "a: 2001-01-01 00:00:00 +99:99",
    ],
)  # fmt: skip
def test_what_no_model_can_be_made_of_is_a_fatal_error_with_the_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(FatalError, match=r"m\.yaml"):
        load_mapping(tmp_path / "m.yaml")
    problems = Problems("a folder")
    if (found := read_document(tmp_path / "m.yaml", problems)) is None:
        assert problems.problems
    else:
        assert found.value is not None


@pytest.mark.parametrize("value", ["!!bool maybe", "!!int ''", "!!timestamp soon", "2020-99-99", "!!float _"])
def test_a_value_that_its_tag_does_not_fit_is_told_with_its_line(value: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(f"a: 1\nb: {value}")
    problems = Problems("a folder")
    assert read_document(tmp_path / "m.yaml", problems) is None
    assert [(each.line, "is no " in each.what) for each in problems.problems] == [(2, True)]


def test_what_people_write_is_left_alone() -> None:
    aliases = "base: &base {a: 1, b: 2}\nrows:\n" + "- {<<: *base, c: 3}\n" * 10_000
    require_bounded(aliases, yaml.SafeLoader)
    require_bounded("[" * MAX_DEPTH + "]" * MAX_DEPTH, yaml.SafeLoader)
    require_bounded("- x\n" * (2 * MAX_REPEATED), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))


@given(
    st.recursive(
        leaves, lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=3), each, max_size=4)
    )
)
def test_whatever_is_dumped_is_bounded(value: object) -> None:
    require_bounded(yaml.safe_dump(value), yaml.SafeLoader)


@pytest.mark.parametrize("text", ["8:30", "190:20:30", "1:30.5", "1:" * 500_000 + "1"])
def test_a_time_of_day_is_a_text_and_no_number(text: str, tmp_path: Path) -> None:
    """As a number the last took minutes."""
    path = tmp_path / "some.yaml"
    path.write_text(f"at: {text}\n{text[:50]}: 1\n", "utf-8")
    assert read_yaml(path) == {"at": text, text[:50]: 1}


def test_of_very_many_mistakes_the_first_are_told(tmp_path: Path) -> None:
    path = tmp_path / "connectors.yaml"
    path.write_text("".join(f"k{number}: 1\n" for number in range(3_000)), "utf-8")
    with pytest.raises(DeclarationError) as refused:
        read_edges_file(path)
    assert str(refused.value).count("unknown key") == 200

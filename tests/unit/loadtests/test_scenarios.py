"""Every scenario file is a valid one with a known contender behind each entry; a faulty one is refused with its fault named."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import FatalError
from loadtests import scenario
from loadtests.contenders import CONTENDERS
from loadtests.scenario import Compare


@pytest.mark.parametrize("name", scenario.names())
def test_each_file_loads(name: str) -> None:
    found = scenario.load(name)
    assert found.name == name
    if isinstance(found, Compare):
        assert {entry.contender for entry in found.contenders} <= set(CONTENDERS)
        labels = [entry.label for entry in found.contenders]
        assert len(set(labels)) == len(labels)
        assert "hub" in labels


def test_all_stands_for_every_file_once() -> None:
    assert sorted(scenario.expand("all") + scenario.expand("all-small")) == scenario.names()
    assert scenario.expand("core") == ["core"]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(FatalError, match="no scenario is called nothing; known: "):
        scenario.load("nothing")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("kind: core\nname: x\ntitle: x\nrecords: 10\n", "records"),
        ("kind: core\nname: x\ntitle: x\nrecords: 10000\nrecord: 1\n", "record"),
        ("kind: other\nname: x\n", "kind"),
        ("kind: [", "not YAML"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(FatalError, match=fault):
        scenario.load(str(path))

"""The pages that show the table of the life of a case: drawn from it, and checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.checks import lifecycle

ROW = "| `ACCEPTED` 受理 | {} | accept |"


def test_the_pages_are_what_the_table_says() -> None:
    assert not list(lifecycle.problems())


def test_a_contract_that_lets_others_say_a_thing_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = lifecycle.CONTRACT.read_text("utf-8")
    who = ROW.format(lifecycle.EVENT_RULES["accepted"].who)
    assert who in text
    changed = tmp_path / "departments.md"
    changed.write_text(text.replace(who, ROW.format("anybody")), "utf-8")
    assert lifecycle.with_who(changed.read_text("utf-8")) == text
    monkeypatch.setattr(lifecycle, "CONTRACT", changed)
    monkeypatch.setattr(lifecycle, "ROOT", tmp_path)
    monkeypatch.setattr(lifecycle, "PAGE", tmp_path / "no.md")
    assert len(list(lifecycle.problems())) == 2


def test_a_contract_that_leaves_something_out_is_refused() -> None:
    text = lifecycle.CONTRACT.read_text("utf-8")
    with pytest.raises(ValueError, match="no row for ARRIVED"):
        lifecycle.with_who(text.replace("`ARRIVED` 到场", "到场"))
    with pytest.raises(ValueError, match="not for the same"):
        lifecycle.with_who(text.replace("| `ARRIVED` 到场", "| `ARRIVED`, `REOPENED` 到场"))

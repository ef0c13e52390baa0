"""Every row of the packs names its source, and the page of all rules says what may be said, by whom, and what it comes to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ops.checks import rules


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pack of mediation, alone, with a page that is current and a city that loads fast."""
    folder = Path(shutil.copytree(rules.FLOWS / "mediation", tmp_path / "flows" / "mediation"))
    monkeypatch.setattr(rules, "FLOWS", folder.parent)
    page = rules.ROOT / "docs" / "rules.md"
    monkeypatch.setattr(rules, "WHOLE", rules.ROOT / "ops" / "cities" / "demo")
    monkeypatch.setattr(rules, "page", lambda: page.read_text("utf-8"))
    return folder


def test_a_pack_as_it_is_is_sound(pack: Path) -> None:
    assert list(rules.problems()) == []


@pytest.mark.parametrize(
    ("file", "row", "source"),
    [
        ("routes.yaml", "mediation.property", "    legal_basis: 大连物业纠纷调解中心\n"),
        ("steps.yaml", "mediation_failed", "    legal_basis: 人民调解法\n"),
    ],
)
def test_a_row_without_a_source_is_named(pack: Path, file: str, row: str, source: str) -> None:
    text = (pack / file).read_text("utf-8")
    at = text.index(source, text.index(f" {row}"))
    (pack / file).write_text(text[:at] + text[at + len(source) :], "utf-8")
    assert list(rules.problems()) == [
        f"ops/flows/mediation: row {row!r} names no source; cite one, or say that no text has it"
    ]


def test_a_pack_without_its_ten_lines_is_named(pack: Path) -> None:
    (pack / "README.md").unlink()
    assert "there is no README.md" in "".join(rules.problems())


def test_the_page_has_limits_steps_outcomes_and_rungs_with_their_sources() -> None:
    page = rules.page()
    for row in (
        "| 60 natural_day | accepted *party* | resolved *party* | 信访工作条例 第34条 | with its pack |",
        "| `review_requested` 申请复查 | *desk* | resolved, verified, satisfied, unsatisfied, ended |  | 信访工作条例 第35条 |",
        "| `mediated` 调解成功 | mediated | *holder* | 双方已达成协议。 | 人民调解法 |",
        "| `supervised` | 1 above | 潍坊条例 第26条、济南条例 第28条 |",
    ):
        assert row in page, row

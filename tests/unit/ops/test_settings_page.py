"""docs/settings.md says what `hub.settings` says, and the check of it can fail."""

from pathlib import Path

import pytest

from hub.settings import ROOT, Settings
from ops.checks import settings


def test_the_page_is_what_the_settings_say() -> None:
    assert list(settings.problems()) == []


def test_every_variable_is_on_it() -> None:
    text = settings.page()
    assert not [name for name in Settings.variables() if f"`{name.removesuffix('_FILE')}`" not in text]


@pytest.mark.parametrize("text", [None, "", "| `6067` |"])
def test_a_page_that_is_stale_or_gone_is_noticed(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    monkeypatch.setattr(settings, "PAGE", tmp_path / "settings.md")
    if text is not None:
        settings.PAGE.write_text(text or settings.page().replace("`6066`", "`6067`"), "utf-8")
    assert any("settings.md is not what" in problem for problem in settings.problems())


def test_the_readme_leads_there() -> None:
    assert "(docs/settings.md)" in (ROOT / "README.md").read_text("utf-8")

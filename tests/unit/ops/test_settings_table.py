"""The README's settings are those of `hub.settings`, and each is described."""

import pytest

from hub.settings import Settings
from ops.checks.settings import BEGIN, END, README, table, with_table


def test_the_readme_has_the_settings_there_are() -> None:
    text = README.read_text("utf-8")
    assert with_table(text) == text, "run `python -m ops.checks.settings`"


def test_every_setting_is_described() -> None:
    assert not [name for name, field in Settings.model_fields.items() if not field.description]


def test_a_setting_that_changed_is_noticed() -> None:
    stale = f"{BEGIN}{table().replace('| `6066` |', '| `6067` |')}{END}"
    assert with_table(stale) != stale


def test_missing_marks_are_said() -> None:
    with pytest.raises(ValueError, match="marks"):
        with_table("# CityHub\n")

"""Connectors are found by manifest; one that is half made is left out by name, and stops no command."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from hub.sdk.manifest import CONNECTORS, discover, load_manifest


@pytest.mark.parametrize("broken", ["", "domain: police\n", "domain: [", "domain: other\n", "\x00", None])
def test_a_half_made_connector_is_left_out_and_said(
    broken: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(CONNECTORS, tmp_path / "connectors")
    half_made = tmp_path / "connectors" / "firebrigade"
    half_made.mkdir()
    if broken is None:
        (half_made / "manifest.yaml").mkdir()
    else:
        (half_made / "manifest.yaml").write_text(broken)
    with caplog.at_level(logging.WARNING):
        found = discover(tmp_path / "connectors")
    assert list(found) == list(discover())
    assert "connector firebrigade is left out" in caplog.text


def test_who_answers_for_it_stands_in_both_languages_and_one_text_is_the_same_in_both(tmp_path: Path) -> None:
    for owner, en, zh, both in (
        ('{en: "police desk", zh: 警情组}', "police desk", "警情组", "police desk 警情组"),
        ("the office", "the office", "the office", "the office"),
    ):
        folder = tmp_path / "office"
        folder.mkdir(exist_ok=True)
        text = f'domain: office\nname: {{en: Office, zh: 办公室}}\nowner: {owner}\ndescription: "x"\nquality: bronze\n'
        (folder / "manifest.yaml").write_text(f'{text}mappings: {{demo: "x"}}\n', encoding="utf-8")
        found = load_manifest(folder).owner
        assert (found.en, found.zh, found.both) == (en, zh, both)

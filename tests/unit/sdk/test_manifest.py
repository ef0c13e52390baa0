"""Connectors are found by manifest; one that is half made is left out by name, and stops no command."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from hub.sdk.manifest import CONNECTORS, discover


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

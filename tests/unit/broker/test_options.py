"""What the broker's JVM is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.broker.settings import SHORT_LIVED, broker_options

_QUICKLY = "-XX:TieredStopAtLevel=1"


@pytest.mark.parametrize(("said", "quickly"), [("1", True), ("", False), (None, False)])
def test_only_one_that_lives_for_minutes_has_its_code_compiled_quickly(
    said: str | None, quickly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SHORT_LIVED, raising=False)
    if said is not None:
        monkeypatch.setenv(SHORT_LIVED, said)
    assert (_QUICKLY in broker_options(512, Path("/log4j2.properties"))) == quickly
    assert _QUICKLY in broker_options(512, Path("/log4j2.properties"), short_lived=True)

"""A tool that cannot be had is a failure in CI, so that nobody believes a green run that left its tests out."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.broker import mosquitto as found
from hub.errors import FatalError
from hub.settings import ROOT
from tests import mosquitto
from tests.tools import REQUIRED


@pytest.mark.parametrize(("name", "value", "ends"), [
    ("CI", "", pytest.skip.Exception), ("CI", "false", pytest.skip.Exception), ("CI", "true", pytest.fail.Exception),
    (REQUIRED, "1", pytest.fail.Exception),
])  # fmt: skip
def test_a_mosquitto_that_is_not_there_is_skipped_on_a_desk_and_fails_in_ci(
    name: str, value: str, ends: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> found.Mosquitto:
        raise FatalError("`mosquitto` is missing.")

    monkeypatch.setattr(mosquitto, "find_mosquitto", nowhere)
    for each in ("CI", REQUIRED):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(ends, match="is missing"):
        mosquitto.Broker(tmp_path)


def test_ci_asks_for_it() -> None:
    assert f"export {REQUIRED}=1" in (ROOT / ".ci" / "run").read_text("utf-8")

"""A ledger is ready as long as it may be about as new as the topics."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from hub.ledger import keeping
from hub.ledger.feed import LedgerStanding
from hub.ledger.keeping import Keeper
from hub.settings import Settings


def test_a_ledger_that_hears_nothing_of_its_topics_is_not_ready_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(keeping, "time", SimpleNamespace(monotonic=lambda: now[0]))
    keeper = Keeper(Settings(state_dir=tmp_path))
    assert not keeper.is_ready
    keeper._note(LedgerStanding(0, 0.0, 5))
    now[0] += 4.0
    assert (keeper.is_ready, keeper.seconds_behind) == (True, 0.0)
    now[0] += 36.0
    assert (keeper.is_ready, keeper.seconds_behind) == (False, 40.0)
    keeper._note(LedgerStanding(3, 12.0, 5))
    assert (keeper.is_ready, keeper.seconds_behind) == (True, 12.0)

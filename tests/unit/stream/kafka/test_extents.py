"""What the broker has not said is no answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, TopicPartition
from confluent_kafka.admin import OffsetSpec

from hub.errors import RetriableError
from hub.settings import Settings
from hub.stream.kafka import extents


class SilentAdmin:
    """Of the first partition nothing is said until the third question: neither an offset nor an error."""

    asked = 0

    def __init__(self, _: Any) -> None: ...

    def list_offsets(self, wanted: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Any]:
        SilentAdmin.asked += 1
        silent = SilentAdmin.asked < 3
        found = {place: OFFSET_INVALID if silent and place.partition == 0 else 7 for place in wanted}
        return {
            place: SimpleNamespace(result=lambda at=at: SimpleNamespace(offset=at, timestamp=at))
            for place, at in found.items()
        }


@pytest.fixture(autouse=True)
def _silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extents, "AdminClient", SilentAdmin)
    monkeypatch.setattr(SilentAdmin, "asked", 0)


PLACES = [("t", 0), ("t", 1)]


def test_an_end_that_a_broker_has_not_said_is_asked_for_again() -> None:
    assert extents.offsets(Settings(), PLACES, OffsetSpec.latest(), "ends") == {("t", 0): 7, ("t", 1): 7}
    SilentAdmin.asked = 0
    assert extents.newest_times(Settings(), PLACES) == {("t", 0): 7, ("t", 1): 7}


def test_and_never_taken_for_one() -> None:
    with pytest.raises(RetriableError, match="has not said"):
        extents.offsets(Settings(), PLACES, OffsetSpec.latest(), "ends", timeout_seconds=-1.0)

"""Which settings of a topic are wrong, which are only less, and which are somebody's choice."""

from __future__ import annotations

import pytest

from hub.stream.admin.topic_settings import drifts_of, min_insync, wanted_settings
from hub.topics import TRACK_CHANGELOG, city_events


@pytest.mark.parametrize(("replicas", "insync"), [(1, 1), (2, 1), (3, 2), (5, 4)])
def test_one_replica_may_be_missing(replicas: int, insync: int) -> None:
    assert min_insync(replicas) == insync
    assert wanted_settings(TRACK_CHANGELOG, replicas)["min.insync.replicas"] == str(insync)


POLICE = wanted_settings(city_events("police"), 3)


@pytest.mark.parametrize(
    ("there", "put_right"),
    [
        ({}, None),
        ({"min.insync.replicas": "3"}, None),
        ({"retention.ms": "-1"}, None),
        ({"retention.ms": str(400 * 86_400_000)}, None),
        ({"min.insync.replicas": "1"}, True),
        ({"cleanup.policy": "compact"}, True),
        ({"message.timestamp.type": "CreateTime"}, True),
        ({"retention.ms": "3600000"}, False),
        ({"max.message.bytes": "1000"}, False),
    ],
)
def test_what_is_wrong_and_what_is_less(there: dict[str, str], put_right: bool | None) -> None:
    found = drifts_of("city.police.events", POLICE, POLICE | there)
    assert [each.put_right for each in found] == ([] if put_right is None else [put_right])


def test_a_changelog_that_forgets_is_wrong() -> None:
    wanted = wanted_settings(TRACK_CHANGELOG, 1)
    (drift,) = drifts_of("hub.track.changelog", wanted, wanted | {"cleanup.policy": "compact,delete"})
    assert drift.put_right
    assert str(drift) == "hub.track.changelog has cleanup.policy compact,delete, not compact"


@pytest.mark.parametrize("there", ["3600000", "-1", str(400 * 86_400_000)])
def test_what_the_citys_rules_say_is_neither_less_nor_more(there: str) -> None:
    police = city_events("police").keeping(7)
    wanted = wanted_settings(police, 3)
    (drift,) = drifts_of(police.name, wanted, wanted | {"retention.ms": there}, police.ruled)
    assert drift.put_right
    assert str(drift) == f"city.police.events has retention.ms {there}, not {7 * 86_400_000}"
    assert drifts_of(police.name, wanted, wanted, police.ruled) == []


@pytest.mark.parametrize(("days", "wrong"), [(3, False), (7, False), (8, True)])
def test_what_was_replaced_is_gone_in_time(days: int, wrong: bool) -> None:
    wanted = wanted_settings(TRACK_CHANGELOG, 1)
    found = drifts_of(TRACK_CHANGELOG.name, wanted, wanted | {"max.compaction.lag.ms": str(days * 86_400_000)})
    assert [drift.put_right for drift in found] == [True] * wrong
    ruled = TRACK_CHANGELOG.keeping(7)
    found = drifts_of(ruled.name, wanted, wanted | {"max.compaction.lag.ms": str(days * 86_400_000)}, ruled.ruled)
    assert bool(found) == (days != 7)

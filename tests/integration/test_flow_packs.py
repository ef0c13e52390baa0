"""Four flow packs in one city through a real worker on Kafka: the orders, clocks, replies and figures that their tests have written
down from the law and the accounts, proven here by the same tests. All is said at once, as departments and sources say it: no topic
waits for another."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hub import topics
from hub.audit.checks.rebuilt import StateReport
from hub.audit.run import audit_with_state
from hub.clock import ClockKind
from hub.inspect.reading import read_messages, spans
from hub.model.ids import case_id
from hub.policy import City
from hub.sdk.manifest import discover
from tests.integration.small_hub import SmallHub, small_settings
from tests.unit.flows import test_alarm_135, test_grid, test_mediation, test_whistle
from tests.unit.flows.played import FLOWS, city_of, said, sources_of, statements

pytestmark = pytest.mark.kafka
PACKS = ("alarm-135", "grid", "mediation", "whistle")
PLAYED: Mapping[str, Sequence[Callable[..., None]]] = {
    "alarm-135": (
        test_alarm_135.test_centre_patrol_and_police_are_told_in_the_same_instant,
        test_alarm_135.test_who_is_there_first_stops_the_clock,
        test_alarm_135.test_a_patrol_that_says_nothing_before_it_is_there,
        test_alarm_135.test_where_nobody_comes_every_limit_is_missed_at_its_minute,
        test_alarm_135.test_a_clear_message_ends_the_alarm,
        test_alarm_135.test_a_device_that_flaps_is_one_case_for_an_hour,
        test_alarm_135.test_no_persons_reach_the_hub,
    ),
    "grid": (
        test_grid.test_what_is_settled_on_the_spot_is_recorded_and_over,
        test_grid.test_what_a_grid_cannot_settle_goes_up_a_level_at_a_time_and_is_handed_over,
        test_grid.test_a_row_about_a_person_never_leaves_the_connector,
        test_grid.test_the_rate_of_handling,
    ),
    "mediation": (
        test_mediation.test_what_no_trade_has_the_window_mediates_with_the_village,
        test_mediation.test_the_rate_of_settlement,
        test_mediation.test_both_sides_are_told_and_no_clock_is_invented,
    ),
    "whistle": (
        test_whistle.test_the_item_names_its_lead_and_all_are_told_at_once,
        test_whistle.test_each_unit_reports_in_by_a_clock_of_its_own,
        test_whistle.test_a_unit_that_is_called_later_is_timed_from_its_call,
        test_whistle.test_the_result_is_joint,
        test_whistle.test_scores_go_both_ways_and_only_between_who_called_and_who_came,
    ),
}  # fmt: skip


class ReadOnce:
    """The topics of a hub that is at rest: each group of them is read once."""

    def __init__(self, hub: SmallHub) -> None:
        self._hub = hub
        self.records = cache(self._records)

    def orders(self) -> list[Mapping[str, Any]]:
        return self.records(*(topics.dept_orders(each).name for each in self._hub.departments))

    def replies(self) -> list[Mapping[str, Any]]:
        return self.records(*(topics.city_replies(each).name for each in self._hub.sources))

    def receipts(self) -> list[Mapping[str, Any]]:
        return self.records(*(topics.dept_receipts(each).name for each in self._hub.departments))

    def _records(self, *names: str) -> list[Mapping[str, Any]]:
        batches = read_messages(self._hub.settings, spans(self._hub.settings, names))
        messages = sorted((each for batch in batches for each in batch), key=lambda each: (each.topic(), each.offset()))
        return [self._hub.codec.decode_one(message.value())[1] for message in messages]


class PackOnKafka:
    """What one pack's examples came to in a hub of several: read as tests read a `MemoryHub`."""

    def __init__(self, read: ReadOnce, pack: str) -> None:
        self._read = read
        self._cases = {None, *(case_id(each.source, each.source_ref) for each in statements(FLOWS / pack))}

    def records(self, topic: str, **wanted: Any) -> list[Mapping[str, Any]]:
        return self._mine(self._read.records(topic), wanted)

    def orders(self, **wanted: Any) -> list[Mapping[str, Any]]:
        return self._mine(self._read.orders(), wanted)

    def replies(self, **wanted: Any) -> list[Mapping[str, Any]]:
        return self._mine(self._read.replies(), wanted)

    def receipts(self, **wanted: Any) -> list[Mapping[str, Any]]:
        return self._mine(self._read.receipts(), wanted)

    def _mine(self, found: list[Mapping[str, Any]], wanted: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        mine = (each for each in found if each.get("update", each).get("case_id") in self._cases)
        return [each for each in mine if all(each[name] == value for name, value in wanted.items())]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    more = {"divisions": test_grid.DIVISIONS, "organisation": test_grid.ORGANISATION}
    return city_of(tmp_path_factory.mktemp("city"), *PACKS, templates="[whistle_30_minutes]", **more)


@pytest.fixture
def hub(city: City, kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Iterator[SmallHub]:
    """After all of it is said, and everything that can come of it has."""
    told = said(city, *PACKS)
    settings = small_settings(kafka_bootstrap, namespace, tmp_path, city=city.folder, clock=ClockKind.DATA)
    one = settings.changed(partitions=1)  # each partition has a clock, and a day's few cases are to move it
    hub = SmallHub(one, sources=[*discover(), *sources_of(told)])
    try:
        hub.tell(told)
        yield hub
    finally:
        hub.worker.stop()


def test_packs_say_on_kafka_what_was_written_down_for_them(hub: SmallHub, city: City) -> None:
    read = ReadOnce(hub)
    for pack, tests in PLAYED.items():
        given = {"hub": PackOnKafka(read, pack), "city": city}
        for test in tests:
            test(**{name: given[name] for name in inspect.signature(test).parameters})
    account, state = audit_with_state(hub.settings, hub.sources, hub.departments)
    assert account.good, [each for each in account.findings if each.count]
    assert isinstance(state, StateReport), state
    assert state.good, state.findings

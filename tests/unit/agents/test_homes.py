"""What is said of a case long after its first report goes to it, wherever that lies: `route` says again where it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.core.cases.statements import RENEWED
from hub.millis import DAY_MS
from hub.model.event import EventKind, Place
from hub.model.ids import case_id
from hub.testing.memory import MemoryHub
from hub.topics import CASES, DEAD, HOMES, REPEATS
from tests.unit.agents.small_world import CITY, NOON
from tests.unit.agents.test_times import report, resolved
from tests.unit.agents.whole_hub import SOURCES

CASE = case_id("hotline", "P1")
HERE, NOWHERE, FAR = Place(lat=34.02, lon=114.515), Place(), Place(code="LT02")


@pytest.fixture
def hub() -> Iterator[MemoryHub]:
    with MemoryHub(CITY, NOON, sources=SOURCES, partitions=6, dedup_window_days=7) as hub:
        yield hub


def live_on(hub: MemoryHub, days: int, *, apart: int = 1) -> None:
    """Others report meanwhile: agents do what is due when they have something to do."""
    for _ in range(0, days, apart):
        hub.settle(hub.clock.now_ms + apart * DAY_MS)
        hub.publish(report(f"other-{hub.clock.now_ms}", hub.clock.now_ms, place=Place(code="LT03")))
        hub.run()


def changes(hub: MemoryHub, case: str = CASE) -> list[str]:
    return [each["change"] for each in hub.records(CASES.name, case_id=case)]


def amend(hub: MemoryHub, ref: str = "P1", revision: int = 1, place: Place = NOWHERE) -> None:
    kind = EventKind.AMENDED
    hub.publish(report(ref, hub.clock.now_ms, revision=revision, kind=kind, place=place, text=f"more {revision}"))
    hub.run()


@pytest.mark.parametrize("place", [NOWHERE, FAR], ids=["without a place", "at another place"])
@pytest.mark.parametrize(("days", "apart"), [(8, 1), (20, 3), (45, 6)])
def test_a_late_word_goes_to_the_case(hub: MemoryHub, days: int, apart: int, place: Place) -> None:
    hub.publish(report("P1", NOON))
    hub.run()
    live_on(hub, days, apart=apart)
    amend(hub, place=place)
    live_on(hub, days, apart=apart)
    amend(hub, revision=2)
    assert changes(hub).count("OPENED") == 1
    assert [each["revision"] for each in hub.records(CASES.name, case_id=CASE, change="AMENDED")] == [1, 2]


def test_a_late_word_of_a_linked_report_goes_to_its_case(hub: MemoryHub) -> None:
    hub.publish(report("P1", NOON, place=HERE), report("P2", NOON + 60_000, source="police", place=HERE))
    hub.run()
    assert changes(hub) == ["OPENED", "LINKED"]
    live_on(hub, 20)
    hub.publish(report("P2", hub.clock.now_ms, source="police", revision=1, kind=EventKind.AMENDED, place=NOWHERE))
    hub.run()
    assert changes(hub)[2:] == ["AMENDED"]
    assert changes(hub, case_id("police", "P2")) == []


def test_a_report_that_never_had_a_place_keeps_its_case(hub: MemoryHub) -> None:
    hub.publish(report("P1", NOON, place=NOWHERE))
    hub.run()
    live_on(hub, 30)
    amend(hub, place=FAR)
    assert changes(hub).count("OPENED") == 1


def test_a_case_that_is_over_still_gets_its_late_words(hub: MemoryHub) -> None:
    hub.publish(report("P1", NOON))
    hub.run()
    hub.publish(resolved(CASE, NOON + 60_000))
    hub.run()
    live_on(hub, 30)
    amend(hub)
    assert changes(hub).count("OPENED") == 1


def test_the_same_report_sent_again_after_the_window_changes_nothing(hub: MemoryHub) -> None:
    hub.publish(report("P1", NOON))
    hub.run()
    live_on(hub, 20)
    hub.publish(report("P1", NOON, place=FAR))
    hub.run()
    assert changes(hub).count("OPENED") == 1


def test_what_is_done_is_remembered_over_a_restart(hub: MemoryHub) -> None:
    hub.publish(report("P1", NOON))
    hub.run()
    for _ in range(5):
        live_on(hub, 7)
        hub.restart()
    amend(hub)
    assert changes(hub).count("OPENED") == 1
    mine = hub.records(HOMES.name, source_ref="P1")
    assert 5 <= len(mine) <= 6  # once in a window
    assert {each["place_key"] for each in mine} == {"LT01"}
    known = dict(item for book in hub.state("route").books() for item in book.items())  # type: ignore[attr-defined]
    assert known[RENEWED] <= hub.clock.now_ms


def test_a_case_that_is_forgotten_is_said_no_more(hub: MemoryHub) -> None:
    hub.publish(report("P1", NOON))
    hub.run()
    hub.publish(resolved(CASE, NOON + 60_000))
    hub.run()
    live_on(hub, 100, apart=2)
    before = len(hub.records(HOMES.name, source_ref="P1"))
    live_on(hub, 20, apart=2)
    assert len(hub.records(HOMES.name, source_ref="P1")) == before


def test_homes_are_no_repeats_nor_letters(hub: MemoryHub) -> None:
    hub.publish(report("P1", NOON))
    hub.run()
    live_on(hub, 30)
    (home, *_) = [record for record in hub.broker.records(HOMES.name) if record.key == b"P1"]
    for _ in range(3):  # anybody may have written them
        hub.send(HOMES.name, home.key, home.value, home.partition)
    hub.run()
    assert not hub.records(REPEATS.name)
    assert not hub.records(DEAD.name)
    assert len(hub.records("hub.events", place_key="LT01")) == 1


def test_a_clock_that_stood_ahead_stops_nothing(hub: MemoryHub) -> None:
    hub.publish(report("P1", NOON))
    hub.run()
    for book in hub.state("route").books():  # type: ignore[attr-defined]
        book.put(RENEWED, NOON + 400 * DAY_MS)
    live_on(hub, 30)
    amend(hub)
    assert changes(hub).count("OPENED") == 1

"""A city's organisation on Kafka: a report with a grid's code alone, units that say and refuse, a joint case, and the whole ladder
to the top come to the same orders, clocks and receipts through a real worker as in memory, where other tests hold them to what was
written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hub import topics
from hub.clock import ClockKind
from hub.inspect.reading import read_messages, spans
from hub.model.event import CaseEvent
from hub.model.ids import case_id
from hub.model.update import Update, status_and_step
from hub.policy import City, load_city
from tests.integration.small_hub import SmallHub, small_settings
from tests.unit.agents.test_ladder import HOUR, NOON, ROUTES, RUNGS, city_of
from tests.unit.agents.test_units import leak
from tests.unit.agents.whole_hub import WholeHub

pytestmark = pytest.mark.kafka
GRID = "530402001003007"
ROADS = "  - {id: roads, when: {family: [road]}, department: roads}\n"
HOLE = "  - {id: hole, when: {category: [road.hole]}, department: roads, co_handlers: [county, bureau], joint: true}\n"


def said(number: int, ref: str, word: str, hour: float, by: str, **more: Any) -> Update:
    status, step = status_and_step(word)
    return Update(
        update_id=f"U{number}", department=by, case_id=case_id("hotline", ref), status=status, step=step,
        at=NOON + int(hour * HOUR), **more,
    )  # fmt: skip


def report(ref: str, hour: float, category: str = "water.leak", grid: str = GRID) -> CaseEvent:
    at_ms = NOON + int(hour * HOUR)
    return leak(grid, at_ms=at_ms).model_copy(update={"source_ref": ref, "category": category})


TOLD: Sequence[CaseEvent | Update] = (
    report("LADDER", 0),
    report("UNITS", 0, grid="530402001003"),
    report("JOINT", 0, "road.hole"),
    said(1, "UNITS", "REFUSED", 1, "county", unit="village"),
    said(2, "UNITS", "TRANSFERRED", 2, "county", unit="town", to="grid7"),
    said(3, "UNITS", "RESOLVED", 3, "county", unit="grid7"),
    said(4, "JOINT", "REFUSED", 1, "bureau", reason="not ours"),
    said(5, "JOINT", "ARRIVED", 2, "county", unit="grid7"),
    said(6, "JOINT", "RESOLVED", 3, "roads"),
    said(7, "LADDER", "REMINDED", 30, "bureau"),
    *(report(f"LATER{hour}", hour, grid="530402002") for hour in range(2, 92, 2)),
)
_LATER = 10
"""From here on they move the clock of the data beyond what the ladder has, as the days of a city do."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    folder = tmp_path_factory.mktemp("city")
    city_of(folder)
    (folder / "routes.yaml").write_text(ROUTES.replace(ROADS, HOLE), encoding="utf-8")
    return load_city(folder)


@pytest.fixture
def hub(city: City, kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Iterator[SmallHub]:
    settings = small_settings(kafka_bootstrap, namespace, tmp_path, city=city.folder, clock=ClockKind.DATA)
    hub = SmallHub(settings.changed(partitions=1))
    try:
        hub.tell(
            TOLD[:_LATER]
        )  # else the clock may have gone by what the updates were in time for: that is taken back, but said
        hub.tell(TOLD[_LATER:])
        yield hub
    finally:
        hub.worker.stop()


def _in_memory(city: City) -> WholeHub:
    with WholeHub(city, NOON, clock=ClockKind.DATA) as hub:
        for each in TOLD:
            hub.publish(each)
            hub.run()
        hub.settle(NOON + 91 * HOUR)
        return hub


def _on_kafka(hub: SmallHub, *names: str) -> list[Mapping[str, Any]]:
    batches = read_messages(hub.settings, spans(hub.settings, names))
    return [hub.codec.decode_one(message.value())[1] for batch in batches for message in batch]


def _orders(found: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """All but reminders of other cases than the ladder's: these hang on how far the clock is when somebody says something."""
    mine = {case_id("hotline", ref) for ref in ("LADDER", "UNITS", "JOINT")}
    return sorted(
        (
            each["department"], each["case_id"], each["kind"], each["unit"] or "", each["rule"], each["called"],
            tuple(each["joined"]),
            tuple((due["policy"], due["due_at"]) for due in each["deadlines"]), each["order_id"],
        )
        for each in found
        if each["case_id"] in mine and (each["kind"] != "REMIND" or each["case_id"] == case_id("hotline", "LADDER"))
    )  # fmt: skip


def test_organisation_areas_units_and_ladder_come_to_the_same_on_kafka(hub: SmallHub, city: City) -> None:
    memory = _in_memory(city)
    names = [topics.dept_orders(each).name for each in hub.departments]
    orders = _orders(_on_kafka(hub, *names))
    assert orders == _orders(memory.orders())
    rungs = [
        (who, rule) for who, case, kind, _, rule, *_ in orders if case == case_id("hotline", "LADDER") and rule in RUNGS
    ]
    assert {who for who, _ in rungs} == {"county", "centre", "city_gov"}
    assert ("city_gov", "rectified") in rungs  # the top
    receipts = _on_kafka(hub, *(topics.dept_receipts(each).name for each in hub.departments))
    last = {each["update_id"]: each["outcome"] for each in receipts}
    assert last == {each["update_id"]: each["outcome"] for each in memory.receipts()}
    assert last == {f"U{n}": "accepted" for n in range(1, 7)} | {
        "U7": "not_allowed"
    }  # who stands elsewhere has no power
    assert _last(_on_kafka(hub, topics.DEADLINES.name)) == _last(memory.records(topics.DEADLINES.name))


def _last(rings: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], tuple[str, int]]:
    """The last word on each clock."""
    return {(each["case_id"], each["clock"]): (each["kind"], each["at"]) for each in rings}

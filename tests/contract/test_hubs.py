"""What a hub promises, of the hub in memory and of a worker on Kafka: what is admitted once, routed, timed and rejected; what it
knows after a restart; and that a chunk whose commit did not come about is decided once all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hub.model.event import CaseEvent
from hub.model.ids import case_id
from hub.model.outputs import Home
from hub.topics import HOMES
from tests.contract.hubs import HOUR_MS, AnyHub, hub_in_memory, hub_on_kafka, report, update
from tests.mutations import CODEC

CASE = case_id("hotline", "H1")
MANY = 400


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def hub(request: pytest.FixtureRequest, namespace: str, tmp_path: Path) -> Iterator[AnyHub]:
    if request.param == "memory":
        with hub_in_memory() as made:
            yield made
    else:
        with hub_on_kafka(request.getfixturevalue("kafka_bootstrap"), namespace, tmp_path) as made:
            yield made


def changes(hub: AnyHub, case: str = CASE) -> list[str]:
    return [each["change"] for each in hub.records("hub.cases") if each["case_id"] == case]


def letters(hub: AnyHub) -> list[str]:
    """Why records were set aside on their way in."""
    return sorted(each["reason"] for each in hub.records("hub.dead") if each["stage"] == "deduplicate")


def receipts(hub: AnyHub, department: str) -> list[tuple[str, str]]:
    """The last word on each update: that one waits is not."""
    found = hub.records(f"dept.{department}.receipts")
    return [(each["update_id"], each["outcome"]) for each in found if each["outcome"] != "waiting"]


def test_a_case_goes_through_its_life(hub: AnyHub) -> None:
    """One long way, so that Kafka's part takes one worker."""
    made_ms = hub.now_ms - 3 * HOUR_MS
    first = report(made_ms)
    hub.publish(first)
    hub.until(lambda: len(hub.records("hub.deadlines")) >= 3, "the clocks of the past ring")

    # admitted once, linked, and rejected
    hub.publish(
        first, first.model_copy(update={"text": "Something else."}), report(made_ms, source="police", source_ref="P1")
    )
    hub.send("city.petition.events", b"x", b"not avro")
    hub.until(lambda: changes(hub) == ["OPENED", "LINKED"], "the second report is linked")
    hub.until(lambda: len(hub.records("hub.repeats")) == 1, "the repeat is seen")
    hub.until(lambda: letters(hub) == ["conflict", "undecodable"], "what cannot be used is set aside")

    # routed
    def orders() -> list[Mapping[str, Any]]:
        return [each for each in hub.records("dept.water_supply.orders") if each["kind"] != "REMIND"]

    hub.until(lambda: [each["kind"] for each in orders()] == ["ASSIGN", "LINK"], "its holder has both orders")
    assert orders()[0]["event"]["source_ref"] == "H1"

    # timed, at the instants at which clocks ran out
    rings = {(each["clock"], each["kind"]): each for each in hub.records("hub.deadlines")}
    assert {clock for clock, kind in rings if kind == "BREACHED"} == {"accept", "respond"}
    assert rings["accept", "BREACHED"]["at"] == made_ms + 15 * 60_000
    due = {each["clock"]: each["due_at"] for each in orders()[0]["deadlines"]}
    assert rings["respond", "BREACHED"]["at"] == due["respond"]

    # what departments say
    hub.publish(
        update(CASE, "ACCEPTED", made_ms + HOUR_MS), update(CASE, "RESOLVED", made_ms + HOUR_MS, department="roads")
    )
    hub.publish(update("C-OF-NOBODY", "ACCEPTED", made_ms, department="roads"))
    hub.until(lambda: len(receipts(hub, "roads")) == 2, "what may not be said is given up")
    hub.until(lambda: receipts(hub, "water_supply") == [("ACCEPTED", "accepted")], "what its holder says is heard")
    assert sorted(outcome for _, outcome in receipts(hub, "roads")) == ["not_allowed", "unknown_case"]

    def late() -> list[tuple[str, int]]:
        rung = [each for each in hub.records("hub.deadlines") if each["kind"] == "ENDED_LATE"]
        return [(each["clock"], each["at"]) for each in rung]

    def replies() -> Counter[tuple[str, str]]:
        said = [each for source in ("hotline", "police") for each in hub.records(f"city.{source}.replies")]
        return Counter((each["source_ref"], each["status"]) for each in said)

    hub.until(lambda: late() == [("accept", made_ms + HOUR_MS)], "its clock ends late")
    hub.until(lambda: replies() == {("H1", "ACCEPTED"): 1, ("P1", "ACCEPTED"): 1}, "who reported is told, once")

    # a restart forgets nothing: neither what was seen, nor the case and its reports, nor its clocks
    hub.restart()
    hub.publish(first, report(made_ms, source="police", source_ref="P1", revision=1, kind="AMENDED"))
    hub.publish(update(CASE, "RESOLVED", made_ms + HOUR_MS * 5 // 2))
    hub.until(lambda: bool(hub.records("hub.closures")), "the case is over")
    hub.until(lambda: changes(hub) == ["OPENED", "LINKED", "AMENDED", "CLOSED"], "the case is closed")
    hub.until(lambda: len(hub.records("hub.repeats")) == 2, "the repeat is known as one")

    def met() -> list[str]:
        return [each["clock"] for each in hub.records("hub.deadlines") if each["kind"] == "MET"]

    hub.until(lambda: met() == ["resolve"], "its clock is met")
    hub.publish(update(CASE, "REOPENED", made_ms + HOUR_MS * 11 // 4, department="dispatch_desk"))
    hub.until(lambda: changes(hub)[-1] == "REROUTED", "the desk brings it back")
    assert hub.records("hub.cases")[-1]["reopens"]
    hub.proves_good()


def test_a_report_without_a_place_goes_where_its_reference_was_said_to_be(hub: AnyHub) -> None:
    """Two topics are read in no order: each report comes once the home of its own was sent a while ago."""
    numbers = count()

    def sent() -> bool:
        number = next(numbers)
        home = Home(source="hotline", source_ref=f"H{number}", place_key="LT03", at=hub.now_ms)
        hub.send(HOMES.name, home.source_ref.encode(), CODEC.encode_one(Home.subject(), home.to_avro()))
        if number:
            hub.publish(report(hub.now_ms, source_ref=f"H{number - 1}", place={}))
        return "LT03" in [each["place_key"] for each in hub.records("hub.events")]

    hub.until(sent, "a report is where its reference is")
    reports = next(numbers) - 1
    hub.until(lambda: len(hub.records("hub.events")) == reports, "all reports are read")
    hub.proves_good()


@pytest.mark.parametrize("disturbed", ["interrupted", "rebalanced"])
def test_what_did_not_commit_is_decided_once(hub: AnyHub, disturbed: str) -> None:
    reports = [apart(hub.now_ms, number) for number in range(MANY)]
    for half in (reports[: MANY // 2], reports[MANY // 2 :]):
        getattr(hub, disturbed)(*half)
    hub.publish(*reports)
    hub.until(lambda: len(hub.records("hub.cases")) >= MANY, "every report has its case")
    hub.until(lambda: len(hub.records("hub.repeats")) == MANY, "and every repeat was seen")
    refs = [each.source_ref for each in reports]
    opened = Counter(each["source_ref"] for each in hub.records("hub.cases") if each["change"] == "OPENED")
    assert opened == Counter(refs)
    assert Counter(each["case_id"] for each in assigned(hub)) == Counter(case_id("hotline", ref) for ref in refs)
    hub.proves_good()


def apart(now_ms: int, number: int) -> CaseEvent:
    """So far from all others that it is linked to none."""
    row, column = divmod(number, 20)
    place = {"lat": 34.0 + row / 100, "lon": 114.5 + column / 100}
    return report(now_ms - 60_000 * 5, source_ref=f"H{number}", place=place)


def assigned(hub: AnyHub) -> list[Any]:
    return [each for each in hub.records("dept.water_supply.orders") if each["kind"] == "ASSIGN"]

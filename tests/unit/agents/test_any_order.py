"""What a case comes to does not depend on the order in which its source's statements and its department's updates come in."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub import topics
from hub.core.rates import ClockWord, Given, Said, Table, rates
from hub.model.event import CaseEvent, EventKind
from hub.model.ids import case_id
from hub.model.update import Update, UpdateStatus
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub

CASE = case_id("hotline", "H1")
LATER = NOON + 60 * 24 * 60 * MINUTE
Row = tuple[EventKind, int]


def statements(rows: list[Row]) -> list[CaseEvent]:
    """The rows are revisions from 0; all say the same of the matter, each at its minute."""
    return [
        report("H1", NOON + minute * MINUTE, revision=revision, kind=kind)
        for revision, (kind, minute) in enumerate(rows)
    ]


def told(rows: list[tuple[UpdateStatus, int]]) -> list[Update]:
    return [
        Update(
            update_id=f"U{n}", department="water_supply", case_id=CASE, status=status, at=NOON + minute * MINUTE, note="so"
        )
        for n, (status, minute) in enumerate(rows)
    ]  # fmt: skip


def outcome(records: list[CaseEvent | Update], pauses: list[bool]) -> tuple[Any, ...]:
    """Verdicts, holder and figures after all was heard in this order, the agents taking breath where `pauses` says so."""
    with WholeHub(CITY, NOON + 3000 * MINUTE) as hub:
        for record, pause in zip(records, pauses, strict=True):
            hub.say(record) if isinstance(record, Update) else hub.report(record)
            if pause:
                hub.run()
        hub.settle()
        hub.settle(LATER)
        return verdicts(hub), hub.records(topics.CASES.name)[-1]["department"], figures(hub), over(hub)


def verdicts(hub: WholeHub) -> dict[tuple[str, int], tuple[str, int, int]]:
    """The last word on each clock that holds."""
    found = {}
    for ring in hub.records(topics.DEADLINES.name):
        found[ring["clock"], ring["started_at"]] = (ring["kind"], ring["at"], ring["due_at"])
    voided = {key for key, (kind, _, _) in found.items() if kind == "CANCELLED" and key not in held(hub)}
    return {key: value for key, value in found.items() if key not in voided}


def held(hub: WholeHub) -> set[tuple[str, int]]:
    """The clocks of the case as `track` keeps it."""
    case = hub.tracked(CASE)
    return {(clock.clock, clock.started_ms) for clock in case.clocks} if case else set()


def over(hub: WholeHub) -> int | None:
    case = hub.tracked(CASE)
    return case.over_ms if case else None


def figures(hub: WholeHub) -> Table:
    names = ("case_id", "clock", "started_at", "kind", "department", "due_at")
    words = [ClockWord(*(ring[name] for name in names)) for ring in hub.records(topics.DEADLINES.name)]
    given_ = [
        Given(c["case_id"], c["department"], NOON)
        for c in hub.records(topics.CASES.name)
        if c["change"] in ("OPENED", "REROUTED") and not c["reopens"]
    ]
    said = [
        Said(u["update"]["case_id"], u["update"]["department"], u["update"]["status"], u["update"]["at"], None)
        for u in hub.records(topics.UPDATES.name)
    ]
    return rates(words, given_, said, lambda _: "-")


minutes = st.sets(st.integers(1, 2000), max_size=3).map(sorted)
updates = st.lists(
    st.tuples(
        st.sampled_from([UpdateStatus.ACCEPTED, UpdateStatus.RESPONDED, UpdateStatus.RESOLVED]), st.integers(-500, 2000)
    ),
    max_size=2,
)


@settings(max_examples=25)
@given(minutes, updates, st.data())
def test_the_same_in_every_order(minutes: list[int], answers: list[Any], data: st.DataObject) -> None:
    """Of statements that say the same of the matter, a later revision at a later time, and of its holder's plain words."""
    more = [(data.draw(st.sampled_from(list(EventKind))), minute) for minute in minutes]
    records: list[CaseEvent | Update] = [*statements([(EventKind.OPENED, 0), *more]), *told(answers)]
    mixed = data.draw(st.permutations(records))
    pauses = data.draw(st.lists(st.booleans(), min_size=len(records), max_size=len(records)))
    assert outcome(mixed, pauses) == outcome(records, [True] * len(records))


def test_opening_time_is_the_earliest_statements_whatever_comes_first() -> None:
    """The clock had met its time by what was known; by the earlier statement, which comes late, it had run out."""
    first, later = report("H1", NOON), report("H1", NOON + 60 * MINUTE, revision=1, kind=EventKind.AMENDED)
    with WholeHub(CITY, NOON + 90 * MINUTE) as hub:
        hub.report(later)
        (accepted,) = told([(UpdateStatus.ACCEPTED, 70)])
        hub.say(accepted)
        hub.settle()
        assert [r["kind"] for r in hub.records(topics.DEADLINES.name, clock="accept")] == ["MET"]
        hub.report(first)
        hub.settle()
        last = hub.records(topics.DEADLINES.name, clock="accept")[-1]
        assert (last["kind"], last["started_at"], last["due_at"]) == ("ENDED_LATE", NOON, NOON + 15 * MINUTE)
        assert hub.records(topics.CASES.name)[-1]["opened_at"] == NOON
        (order,) = hub.orders(kind="AMEND")
        assert order["deadlines"][0]["due_at"] < NOON + 60 * MINUTE


def test_a_bare_opening_by_its_own_source_brings_a_withdrawn_or_closed_case_back() -> None:
    for kind in (EventKind.WITHDRAWN, EventKind.CLOSED):
        with WholeHub(CITY, NOON + 90 * MINUTE) as hub:
            for event in statements([(EventKind.OPENED, 0), (kind, 10), (EventKind.OPENED, 20)]):
                hub.report(event)
                hub.run()
            assert not hub.records(topics.CASES.name)[-1]["over"]
            assert [o["kind"] for o in hub.orders() if o["kind"] != "REMIND"] == ["ASSIGN", "WITHDRAW", "ASSIGN"]
            case = hub.tracked(CASE)
            assert case is not None
            running = [clock for clock in case.clocks if clock.running]
            assert [(clock.clock, clock.round, clock.started_ms) for clock in running] == [
                ("resolve", 1, NOON + 20 * MINUTE)
            ]


def test_a_word_on_a_case_that_is_over_reaches_its_holder() -> None:
    with WholeHub(CITY, NOON + 90 * MINUTE) as hub:
        for event in statements([(EventKind.OPENED, 0), (EventKind.CLOSED, 10), (EventKind.AMENDED, 20)]):
            hub.report(event)
            hub.run()
        assert hub.records(topics.CASES.name)[-1]["over"]
        (order,) = hub.orders(kind="AMEND")
        assert order["department"] == "water_supply"
        assert order["event"]["revision"] == 2

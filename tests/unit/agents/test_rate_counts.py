"""What Prometheus is told, less what is taken back, comes to the rates as they are defined."""

from __future__ import annotations

import dataclasses
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hub.agents.track.rates import balances
from hub.core.deadlines.rules import DeadlineRules
from hub.core.figures.rates import ALL, COUNTS, ClockWord, CountedUpdate, Counts, Given, rates
from hub.core.tracking.clockwork import Clockwork
from hub.core.tracking.consequences import Change, Effects, UpdateRow
from hub.core.tracking.state import TrackBook, UpdateDetails
from hub.core.tracking.tracker import Tracking
from hub.journal import Journal
from hub.model.outputs import ChangeKind
from hub.policy import load_city
from hub.policy.models import Name, OutcomeSpec
from hub.settings import ROOT

HOUR_MS = 3_600_000
START = 1_767_672_000_000
OUTCOMES = {
    "agreed": OutcomeSpec(name=Name(en="agreed", zh="调解成功"), counts="mediated"),
    "court": OutcomeSpec(name=Name(en="court", zh="引导诉讼"), counts="led_to_court"),
}
MEANINGS = {code: spec.counts for code, spec in OUTCOMES.items()}
_OUTCOMES = {None: None, True: "agreed", False: "court"}
RULES = DeadlineRules(dataclasses.replace(load_city(ROOT / "ops" / "cities" / "demo"), outcomes=OUTCOMES))
DESK, ROADS, WATER = "dispatch_desk", "roads", "water_supply"


def change(kind: str, department: str, hours: int, urgency: str = "URGENT") -> Change:
    at_ms = START + hours * HOUR_MS
    return Change(
        case_id="C-1", change=ChangeKind(kind), source="hotline", source_ref="H1", lead_source="hotline", lead_ref="H1",
        category="water.burst", urgency=urgency, area=None, place_key="p", department=department, over=False, ends=False,
        at_ms=at_ms, opened_ms=START, due_ms=None,
    )  # fmt: skip


happenings = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "ACCEPTED",
                "RESPONDED",
                "RESOLVED",
                "REFUSED",
                "SATISFIED",
                "UNSATISFIED",
                "REOPENED",
                "REROUTED",
                "AMENDED",
                "time",
            ]
        ),
        st.sampled_from([None, True, False]),
        st.sampled_from([ROADS, WATER]),
        st.integers(1, 60),
    ),
    max_size=10,
)


def live(said: list[tuple[str, bool | None, str, int]]) -> tuple[Effects, list[Given], list[CountedUpdate]]:
    """One case through what is said, each thing at its hour; also what was given and applied, as topics have it."""
    tracking, book, effects = Tracking(Clockwork(RULES)), TrackBook(), Effects()
    opened = change("OPENED", ROADS, 0)
    tracking.prepare([opened])
    tracking.change(Journal(book), opened, effects)
    applied = list[CountedUpdate]()
    for number, (what, solved, department, hours) in enumerate(said):
        at_ms = START + hours * HOUR_MS
        if what == "time":
            tracking.pass_time(Journal(book), at_ms, effects)
        elif what in ("REROUTED", "AMENDED"):
            urgency = "URGENT" if solved else "ROUTINE"
            tracking.change(Journal(book), change(what, department, hours, urgency), effects)
        else:
            by = DESK if what in ("SATISFIED", "UNSATISFIED", "REOPENED") else department
            outcome = _OUTCOMES[solved] if what == "RESOLVED" else None
            callback = what in ("SATISFIED", "UNSATISFIED")
            more = UpdateDetails(solved=solved) if callback else UpdateDetails(outcome=outcome) if outcome else None
            if tracking.update(
                Journal(book), UpdateRow(f"U{number}", by, "C-1", what, "because", at_ms, details=more), effects
            ):
                applied.append(CountedUpdate("C-1", by, what, at_ms, solved if callback else None, outcome, by == DESK))
    tracking.pass_time(Journal(book), START + 1000 * HOUR_MS, effects)
    case = book.case("C-1")
    assert case is not None
    given_ = [Given("C-1", hold.department, hold.from_ms, hold.returned_by) for hold in case.ledger]
    return effects, given_, applied


def net(effects: Effects) -> dict[str, Counts]:
    found = {}
    for department, balance in balances(effects, MEANINGS).items():
        found[department] = Counts()
        found[department].add(balance.counted)
        found[department].add(balance.taken_back, -1)
    return found


@given(happenings)
def test_it_comes_to_the_rates(said: list[tuple[str, bool | None, str, int]]) -> None:
    """Of all departments together; where a case moves, its late clock stays with who held it when it ran out."""
    effects, given_, applied = live(said)
    words = [ClockWord("C-1", r.name, r.clock.started_ms, r.kind, r.department, r.clock.due_ms) for r in effects.rings]
    table = rates(words, given_, applied, lambda _: "-", MEANINGS)
    total = Counts()
    for counts in net(effects).values():
        total.add(counts)
    assert total == table[ALL, "-"]
    if {each.department for each in given_} == {ROADS}:
        assert net(effects)[ROADS].on_time_rate == table[ROADS, "-"].on_time_rate


def test_a_breach_that_became_a_late_end_counts_once() -> None:
    effects, _, _ = live([("time", None, ROADS, 20), ("RESOLVED", None, ROADS, 21)])
    counts = net(effects)[ROADS]
    assert (counts.due, counts.in_time, counts.overdue_open, counts.given) == (1, 0, 0, 1)
    assert balances(effects)[ROADS].counted.due == 2


def test_every_count_is_of_some_department_and_known_by_name() -> None:
    effects, _, _ = live(
        [("RESOLVED", None, ROADS, 1), ("SATISFIED", True, ROADS, 2), ("UNSATISFIED", False, ROADS, 3)]
    )
    counts = Counter({name: getattr(net(effects)[ROADS], name) for name in COUNTS})
    assert +counts == Counter(
        due=1, in_time=1, ended=1, to_respond=1, responded=1, given=1, callbacks=1, asked_solved=1
    )  # fmt: skip

"""What a case comes to, whatever order its statements and updates come in: the world of those laws. No tests of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hub import topics
from hub.core.figures.rates import ClockWord, HolderChange, Table, given_of, rates
from hub.core.tracking.state import HolderLine
from hub.inspect.turns import holds_of
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.ids import case_id
from hub.model.update import Update, status_and_step
from hub.policy import City
from hub.policy.models import Extension, Pause
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_times import report
from tests.unit.agents.whole_hub import WholeHub

CASE = case_id("hotline", "H1")
ARRIVAL = NOON + 3000 * MINUTE
LATER = NOON + 100 * 24 * 60 * MINUTE
HOLDERS = ("water_supply", "roads", "police_assistance", "urban_mgmt", "dispatch_desk")
DESK = "dispatch_desk"
SAME = {"category": "water.burst", "urgency": Urgency.URGENT, "place": Place(code="LT01", lat=34.02, lon=114.515)}

_MORE = {
    "extension": Extension(times=2, duration=10.0, unit="hour", approved_by="the desk"),
    "pause": Pause(reasons=("appraisal",), times=2),
}
WIDER = dataclasses.replace(
    CITY,
    deadlines=tuple(
        row.model_copy(update=_MORE) if row.clock == "resolve" and row.unit == "hour" else row for row in CITY.deadlines
    ),
)  # fmt: skip
"""The demo city, where a police matter may be extended and paused."""


def statement(ref: str, revision: int, kind: EventKind, minute: int, source: str = "hotline", **what: Any) -> CaseEvent:
    return report(ref, NOON + minute * MINUTE, source=source, revision=revision, kind=kind, **(SAME | what))


def update(number: int, department: str, word: str, minute: int, **more: Any) -> Update:
    status, step = status_and_step(word)
    return Update(
        update_id=f"U{number}", department=department, case_id=CASE, status=status, step=step, at=NOON + minute * MINUTE,
        note="so", **more,
    )  # fmt: skip


def outcome(
    records: Sequence[CaseEvent | Update],
    pauses: Sequence[bool],
    city: Any = WIDER,
    then: Sequence[tuple[City, int]] = (),
) -> dict[str, Any]:
    """All that a case comes to after what was heard in this order, the agents taking breath where `pauses` says so. `then`: other
    states of the rules, each with the instant from which it holds."""
    with WholeHub(city, ARRIVAL) as hub:
        for state, from_ms in then:
            hub._hub.policy._versions.add(state, from_ms)
        for record, pause in zip(records, pauses, strict=True):
            hub.say(record) if isinstance(record, Update) else hub.report(record)
            if pause:
                hub.run()
        hub.settle()
        hub.settle(LATER)
        assert findings(hub) == []
        return come_to(hub)


def findings(hub: WholeHub) -> list[tuple[str, int, tuple[str, ...]]]:
    """What the account of all its records says is wrong."""
    account, state = hub.audit()
    return [(each.what, each.count, each.first) for each in (*account.findings, *state.findings) if each.count]


def come_to(hub: WholeHub) -> dict[str, Any]:
    case = hub.tracked(CASE)
    changes = hub.records(topics.CASES.name, case_id=CASE)
    assert case is not None
    return {
        "verdicts": verdicts(hub),
        "clocks": sorted(
            (c.name, c.round, c.policy, c.started_ms, c.due_ms, c.ended_ms or 0, c.verdict or "", c.breached)
            for c in case.clocks
        ),
        "holder": case.department,
        "holder by route": changes[-1]["department"],
        "held": [(hold.from_ms, hold.department) for hold in case.ledger],
        "held by the records": holds_of(changes),
        "opened": (case.opened_ms, changes[-1]["opened_at"]),
        "is": (case.category, case.urgency, case.area),
        "is by route": tuple(changes[-1][name] for name in ("category", "urgency", "area")),
        "over": case.over_ms,
        "over by route": changes[-1]["over"],
        "figures": figures(hub),
    }


def verdicts(hub: WholeHub) -> dict[tuple[str, int], tuple[Any, ...]]:
    """The last word on each clock that holds."""
    found = {}
    for ring in hub.records(topics.DEADLINES.name, case_id=CASE):
        found[ring["clock"], ring["started_at"]] = (ring["kind"], ring["at"], ring["due_at"], ring["department"])
    case = hub.tracked(CASE)
    came_to = {(c.name, c.started_ms) for c in case.clocks if c.verdict or c.breached} if case else set()
    return {key: value for key, value in found.items() if value[0] != "CANCELLED" or key in came_to}


def figures(hub: WholeHub) -> Table:
    names = ("case_id", "clock", "started_at", "kind", "department", "due_at")
    words = [ClockWord(*(ring[name] for name in names)) for ring in hub.records(topics.DEADLINES.name)]
    turns = [
        HolderChange(
            c["case_id"], c["change"], c["department"], c["rule"], c["at"], c["opened_at"], c["reopens"],
            tuple(HolderLine(h["department"], h["since"], h["returned_by"]) for h in c["held"]),
        )
        for c in hub.records(topics.CASES.name)
    ]  # fmt: skip
    return rates(words, given_of(turns), [], lambda at_ms: str(at_ms // (60 * MINUTE)))

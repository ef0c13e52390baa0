"""What the simulated departments answer to an order, and when: pure, drawn from case, department and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hub.millis import HOUR_MS, MINUTE_MS
from hub.model.base import to_ms
from hub.model.update import status_and_step

DEFAULT_MS = {"accept": 30 * MINUTE_MS, "respond": 6 * HOUR_MS, "resolve": 24 * HOUR_MS}
"""How long a step may take when the order names no deadline for it."""
CLOCK_STATUSES = (("accept", "ACCEPTED"), ("respond", "RESPONDED"), ("resolve", "RESOLVED"))
NEVER = 0.02
REFUSED_SHARE = 0.02
LATE_SHARE = 0.10
"""Share of steps that are taken after their deadline."""
TWICE = 0.03
STRAY = 0.001
"""Share of cases with which the department also mentions one that does not exist."""
UNKNOWN_CASE = "C-DOESNOTEXIST0000"
_NOTES = {
    "ACCEPTED": "A crew has been assigned. 已派单。",
    "REFUSED": "Not within our remit. 非本部门职责。",
    "RESPONDED": "We have been on site. 已现场核实。",
    "RESOLVED": "Put right. 已处理完毕。",
}


@dataclass(frozen=True, slots=True)
class PlannedUpdate:
    """One update a department will send at `at_ms`, `times` times over. `fields`: further ones of cityhub.Update."""

    at_ms: int
    department: str
    case_id: str
    update_id: str
    event: str
    """What it says happened: a status or a step."""
    times: int = 1
    fields: Mapping[str, Any] = field(default_factory=dict)

    def update(self) -> dict[str, Any]:
        """As a cityhub.Update."""
        status, step = status_and_step(self.event)
        return {
            "update_id": self.update_id,
            "revision": 0,
            "department": self.department,
            "case_id": self.case_id,
            "status": status,
            "step": step,
            "at": self.at_ms,
            "note": _NOTES.get(self.event, ""),
            **self.fields,
        }


def answers_to(seed: int, order: Mapping[str, Any]) -> list[PlannedUpdate]:
    """The answers to an ASSIGN order (a cityhub.Order as decoded; times in ms or aware datetimes), by time.

    Never earlier than the order was issued or its report was made. Empty for other kinds of order, and for a case the
    department forgets.
    """
    if order["kind"] != "ASSIGN":
        return []
    rng = Random(f"{seed}:{order['case_id']}:{order['department']}")
    # The hub's clock may lag behind its sources when history is replayed; nobody answers before there was a report.
    issued_ms = to_ms(order["issued_at"])
    if order["event"] is not None:
        issued_ms = max(issued_ms, to_ms(order["event"]["reported_at"]))
    due = {clock["clock"]: to_ms(clock["due_at"]) for clock in order["deadlines"]}
    answers: list[PlannedUpdate] = []
    drawn = rng.random()
    if drawn < REFUSED_SHARE:
        answers.append(_answer(rng, order, "REFUSED", issued_ms + rng.randrange(MINUTE_MS, 20 * MINUTE_MS)))
    elif drawn >= REFUSED_SHARE + NEVER:
        at_ms = issued_ms
        for clock, status in CLOCK_STATUSES:
            at_ms = max(at_ms + MINUTE_MS, _step(rng, issued_ms, due.get(clock, issued_ms + DEFAULT_MS[clock])))
            answers.append(_answer(rng, order, status, at_ms))
    if rng.random() < STRAY:
        stray = {**order, "case_id": UNKNOWN_CASE, "order_id": f"{order['order_id']}-STRAY"}
        answers.append(_answer(rng, stray, "ACCEPTED", issued_ms + 5 * MINUTE_MS))
    return sorted(answers, key=lambda answer: answer.at_ms)


def _step(rng: Random, issued_ms: int, due_ms: int) -> int:
    allowed_ms = max(2 * MINUTE_MS, due_ms - issued_ms)
    share = rng.uniform(1.05, 1.6) if rng.random() < LATE_SHARE else rng.triangular(0.05, 0.95, 0.3)
    return issued_ms + round(allowed_ms * share)


def _answer(rng: Random, order: Mapping[str, Any], status: str, at_ms: int) -> PlannedUpdate:
    times = 2 if rng.random() < TWICE else 1
    return PlannedUpdate(at_ms, order["department"], order["case_id"], f"{order['order_id']}-{status}", status, times)

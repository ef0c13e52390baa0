"""`route` and `track` without a broker, in the demo city. No tests of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from hub.agents.desks import Desks
from hub.agents.live_policy import LivePolicy
from hub.agents.unlinking import unlink
from hub.core.cases import Case
from hub.core.casework import Step
from hub.core.clockwork import Clockwork
from hub.core.deadlines import DeadlineRules
from hub.core.linking import Incidents
from hub.core.sightings import Sighting
from hub.core.statements import RouteBook, RouteRecord, keep
from hub.core.tracked import More, TrackBook, TrackedCase
from hub.core.tracking import Change, Effects, Tracking, Update
from hub.core.unlinking import Unlinking
from hub.model.ids import case_id
from hub.policy import City, load_city
from hub.settings import ROOT
from hub.stream.codec import HEADER_BYTES, Codec
from hub.stream.registry import FileRegistry
from hub.stream.state import JournaledState
from hub.topics import ROUTE_CHANGELOG

MINUTE = 60_000
NOON = 1_772_420_400_000
LEAD, WRONG, OTHER = ("hotline", "H1"), ("police", "P:1"), ("petition", "T1")
CASE, OWN = case_id(*LEAD), case_id(*WRONG)
CITY = load_city(ROOT / "ops" / "cities" / "demo")
CODEC = Codec(FileRegistry())
_CHANGE_FIELDS = (
    "category",
    "urgency",
    "area",
    "place_key",
    "department",
    "opened_ms",
    "due_ms",
    "co_handlers",
    "conditions",
)


@dataclass
class World:
    """`route` and `track` without a broker: what one says is heard by the other at once."""

    city: City
    apart: bool = False
    """WRONG is never linked in the first place."""
    steps: list[Step] = field(default_factory=list)
    effects: Effects = field(default_factory=Effects)

    def __post_init__(self) -> None:
        self.desks = Desks(LivePolicy(self.city))
        self.state = JournaledState(ROUTE_CHANGELOG, RouteRecord, lambda _: RouteBook(Incidents(self.city)))
        self.book, self.put = self.state[0], partial(self.state.put, 0)
        self.tracking, self.tracked = Tracking(Clockwork(DeadlineRules(self.city))), TrackBook()
        self.updates = 0

    def report(
        self, who: tuple[str, str], minutes: float, revision: int = 0, kind: str = "OPENED", **changes: Any
    ) -> Step:
        seen = sighting(who, NOON + round(minutes * MINUTE), revision, kind, **changes)
        steps = self.desks.take_all(self.book.cases, self.put, [seen])
        keep(self.book, self.put, steps, [seen])
        if self.apart and steps[0].case.case_id == CASE and steps[0].change == "OPENED":
            case = self.case(CASE)
            self.put(CASE, msgspec.structs.replace(case, parted=(WRONG,)))
        self._hear(steps)
        return steps[0]

    def say(self, status: str, minutes: float, by: str, case: str = CASE, **more: Any) -> bool:
        self.updates += 1
        update = Update(
            f"U{self.updates}",
            by,
            case,
            status,
            "",
            NOON + round(minutes * MINUTE),
            more=More(**more) if more else None,
        )
        known = len(self.effects.endings)
        done = self.tracking.update(self.tracked, self.tracked.put, update, self.effects)
        for ending in self.effects.endings[known:]:
            if ending.step == "UNLINKED":
                name = (ending.more.report if ending.more else None) or ""
                asked = Unlinking(ending.case.case_id, name, ending.department, ending.department, ending.at_ms)
                self._hear(unlink(CODEC, self.desks, self.book, self.put, asked))
            else:
                steps = self.desks.latest.casework.close(self.book.cases, self.put, ending.case.case_id, ending.at_ms)
                keep(self.book, self.put, steps, [])
                self._hear(steps)
        return done

    def why(self, status: str, minutes: float, by: str, **more: Any) -> str:
        update = Update("?", by, CASE, status, "", NOON + round(minutes * MINUTE), more=More(**more))
        return self.tracking.refusal(self.tracked, update) or ""

    def take_out(self, minutes: float, report: tuple[str, str] = WRONG) -> bool:
        return self.say("UNLINKED", minutes, "dispatch_desk", report=":".join(report))

    def pass_time(self, minutes: float) -> None:
        self.tracking.pass_time(self.tracked, self.tracked.put, NOON + round(minutes * MINUTE), self.effects)

    def case(self, name: str) -> Case:
        found = self.book.cases.get(name)
        assert found is not None
        return found

    def clocks(self, name: str) -> list[tuple[object, ...]]:
        return [
            (c.clock, c.policy, c.round, c.started_ms, c.due_ms, c.ended_ms, c.verdict, c.breached, c.cancelled)
            for c in self.life(name).clocks
        ]

    def life(self, name: str) -> TrackedCase:
        found = self.tracked.case(name)
        assert found is not None
        return found

    def orders(self, name: str) -> list[tuple[str, str, bytes | None]]:
        return [(o.kind, o.department, o.body) for step in self.steps if step.case.case_id == name for o in step.orders]

    def _hear(self, steps: list[Step]) -> None:
        self.steps += steps
        for step in steps:
            change = change_of(step)
            self.tracking.prepare([change])
            self.tracking.change(self.tracked, self.tracked.put, change, self.effects)


def change_of(step: Step) -> Change:
    """As the record in hub.cases says it."""
    case, (source, ref), (lead_source, lead_ref) = step.case, step.report.key, step.case.lead.key
    return Change(
        case_id=case.case_id, change=step.change, source=source, source_ref=ref, lead_source=lead_source, lead_ref=lead_ref,
        over=case.over, ends=step.ends, at_ms=step.at_ms, reopens=step.reopens, unlinks=step.unlinks,
        **{name: getattr(case, name) for name in _CHANGE_FIELDS},
    )  # fmt: skip


def sighting(who: tuple[str, str], at_ms: int, revision: int, kind: str, **changes: Any) -> Sighting:
    event: dict[str, Any] = {
        "source": who[0], "source_ref": who[1], "revision": revision, "kind": kind, "occurred_at": None, "reported_at": at_ms,
        "category": "water.burst", "category_label": None, "urgency": "URGENT",
        "place": {"code": None, "grid": None, "lat": None, "lon": None, "crs": "EPSG:4326", "address": None},
        "title": "", "text": "", "channel": "phone", "attachments": [], "due_at": None, "attributes": {},
    } | changes  # fmt: skip
    body = CODEC.encode_one("cityhub.CaseEvent", event)[HEADER_BYTES:]
    return Sighting(
        0, *who, revision, kind, at_ms, event["category"], event["urgency"], "phone", event["due_at"], f"place of {who[1]}",
        "LT01", 34.02, 114.515, body,
    )  # fmt: skip

"""One case in a small city, told by what is said of it. No tests of its own."""

from __future__ import annotations

import dataclasses
from functools import cache

import msgspec

from hub.agents.context import Hub as Shared
from hub.agents.live_policy import LivePolicy
from hub.agents.track import waiting
from hub.core.deadlines.rules import DeadlineRules
from hub.core.tracking.clockwork import Clockwork
from hub.core.tracking.consequences import Change, Effects, UpdateRow
from hub.core.tracking.state import WAITING_PREFIX, TrackBook, TrackedCase, UpdateDetails, Waiting
from hub.core.tracking.tracker import Tracking
from hub.journal import Journal
from hub.model.outputs import ChangeKind
from hub.model.update import UpdateStatus
from hub.policy import City, load_city
from hub.policy.models import DEFAULT_CLOCKS, ClockSpec, DeadlineRule, Extension, Name, Pause
from hub.settings import ROOT, Settings
from hub.stream.avro.codec import HEADER_BYTES, Codec
from hub.stream.avro.registry import FileRegistry

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_672_000_000


def row(clock: str, hours: float, **more: object) -> DeadlineRule:
    return DeadlineRule.model_validate(
        {"id": f"{clock}-row", "clock": clock, "duration": hours, "unit": "hour", **more}
    )


@cache
def small_city() -> City:
    """The demo city with four departments, and a clock for whatever can happen."""
    demo = load_city(ROOT / "ops" / "cities" / "demo")
    named = dict(zip(("roads", "water", "parks", "dispatch"), demo.departments.values(), strict=False))
    extension = Extension(times=2, duration=10.0, unit="hour", approved_by="the desk")
    pause = Pause(reasons=("appraisal", "weather"), times=2)
    clocks = {
        **DEFAULT_CLOCKS,
        "refuse": ClockSpec(name=Name(en="refusal window", zh="退回期限"), stop=("accepted", "refused")),
        "assist": ClockSpec(name=Name(en="assist", zh="协办"), start=("called",), stop=("resolved",)),
        "callback": ClockSpec(
            name=Name(en="callback", zh="回访"), start=("resolved",), stop=("satisfied", "unsatisfied")
        ),
        "supervise": ClockSpec(name=Name(en="supervise", zh="督办"), start=("resolve_overdue",), stop=("resolved",)),
    }
    deadlines = (
        row("accept", 4), row("respond", 12), row("resolve", 40, extension=extension, pause=pause, climbs="reminded"),
        row("refuse", 8),
        row("assist", 20), row("callback", 24), row("supervise", 16, climbs="supervised"),
    )  # fmt: skip
    life = demo.file.life.model_copy(update={"arbitrate_after": 2})
    file = demo.file.model_copy(update={"life": life, "dispatch_desk": "dispatch"})
    return dataclasses.replace(demo, file=file, departments=named, clocks=clocks, deadlines=deadlines)


def tracking_of(city: City) -> Tracking:
    return Tracking(Clockwork(DeadlineRules(city)))


def opened(department: str = "roads") -> Change:
    return Change(
        case_id="C-1", change=ChangeKind.OPENED, source="hotline", source_ref="H1", lead_source="hotline", lead_ref="H1",
        category="c", urgency="ROUTINE", area=None, place_key="p", department=department, over=False, ends=False, at_ms=START,
        opened_ms=START, due_ms=None,
    )  # fmt: skip


def said(status: str, hours: float, by: str = "roads", id_: str | None = None, **more: object) -> UpdateRow:
    about = UpdateDetails(**more) if more else None  # type: ignore[arg-type]
    return UpdateRow(id_ or f"{status}@{hours}", by, "C-1", status, "", START + round(hours * HOUR), details=about)


class Hub:
    """One case by the hands of `track`: what cannot be applied yet waits as it does there, and is tried again as it is there."""

    def __init__(self, tracking: Tracking) -> None:
        self.tracking, self.book, self.effects = tracking, TrackBook(), Effects()
        tracking.prepare([opened()])
        self.change(opened())

    def hear(self, *updates: UpdateRow) -> Hub:
        for each in updates:
            update = msgspec.structs.replace(each, body=_body(each))
            if self.tracking.update(Journal(self.book), update, self.effects):
                self._release()
            else:
                assert waiting.hold(Journal(self.book), update, update.at_ms)
        return self

    def change(self, change: Change) -> Hub:
        self.tracking.change(Journal(self.book), change, self.effects)
        self._release()
        return self

    def _release(self) -> None:
        waiting.release(_SHARED, self.tracking, Journal(self.book), "C-1", self.effects)

    @property
    def waiting(self) -> list[UpdateRow]:
        """What is not applied yet, in the order in which it came."""
        known = self.book.get(_WAITS)
        return [waiting._read(_SHARED, body) for body, _ in known.waits] if isinstance(known, Waiting) else []

    def give_up(self) -> None:
        """Try what waits no more."""
        self.book.put(_WAITS, None)

    def at(self, hours: float) -> Hub:
        self.tracking.pass_time(Journal(self.book), START + round(hours * HOUR), self.effects)
        return self

    @property
    def case(self) -> TrackedCase:
        case = self.book.case("C-1")
        assert case is not None
        return case

    def due(self, clock: str = "resolve", department: str | None = None) -> float:
        found = [c for c in self.case.clocks if (c.clock, c.department) == (clock, department)]
        return (found[-1].due_ms - START) / HOUR

    def why(self) -> str:
        """Why the one that waits is not allowed."""
        (update,) = self.waiting
        reason = self.tracking.refusal(self.book, update)
        assert reason is not None
        return reason


_WAITS = f"{WAITING_PREFIX}C-1"
_CODEC = Codec(FileRegistry())
_SHARED = Shared(Settings(), LivePolicy(load_city(ROOT / "ops" / "cities" / "demo")), _CODEC, ())


def _body(update: UpdateRow) -> bytes:
    """As it lies in hub.updates, without its framing. One that did not arrive late has arrived when it happened."""
    arrived_ms = update.at_ms if update.arrived_ms is None else update.arrived_ms
    plain, more = update.status in set(UpdateStatus), update.details or UpdateDetails()
    told = {
        "update_id": update.update_id, "department": update.department, "case_id": update.case_id, "at": update.at_ms,
        "note": update.note, "status": update.status if plain else "ACCEPTED", "step": "AS_STATUS" if plain else update.status,
    }  # fmt: skip
    origin = {"topic": "dept.roads.updates", "partition": 0, "offset": 0, "ingested_at": arrived_ms}
    admitted = {"origin": origin, "update": told | msgspec.structs.asdict(more)}
    return _CODEC.encode_one("cityhub.AdmittedUpdate", admitted)[HEADER_BYTES:]


def verdicts(case: TrackedCase) -> list[tuple[object, ...]]:
    return sorted(
        (c.clock, c.department or "", c.round, c.started_ms, c.due_ms, c.ended_ms, c.verdict, c.cancelled) for c in case.clocks
    )  # fmt: skip

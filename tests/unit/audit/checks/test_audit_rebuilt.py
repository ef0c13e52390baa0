"""State rebuilt from changelogs against what was published: agreement passes, and each way to disagree is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from hub.audit.changelogs import Changelogs, Keyed, RememberedRows
from hub.audit.checks.rebuilt import StateReport, judge_state
from hub.audit.tables import ORIGIN
from hub.core.cases.cases import Case, Report
from hub.core.cases.statements import LinkedStatement, RouteRecord
from hub.core.dedup.digests import digests, mixed
from hub.core.tracking.state import AppliedUpdate, ClockState, HolderLine, TrackedCase, TrackRecord, Waiting
from tests.unit.audit.made_up import T0, MadeUpRun

HOUR = 3_600_000


@dataclass
class Hub:
    """A made-up run with the state that goes with it."""

    run: MadeUpRun = field(default_factory=MadeUpRun)
    route: dict[str, RouteRecord] = field(default_factory=dict)
    track: dict[str, TrackRecord] = field(default_factory=dict)
    twice: str | None = None
    """A case that another partition has too."""
    drop: int | None = None
    """The row of the memory that is lost."""
    whole: bool = True

    def opens(self, ref: str, clocks: tuple[ClockState, ...] = ()) -> str:
        case = self.run.opens("police", ref)
        self.route[case] = Case(
            case_id=case, reports=(Report("police", ref, 0),), category="road", family=None, urgency="NORMAL",
            channel="", place_key="a", area=None, lat=None, lon=None, department="roads", rule="road", desk_reason=None,
            opened_ms=T0, due_ms=None,
        )  # fmt: skip
        self.track[case] = TrackedCase(
            case_id=case, category="road", source="police", urgency="NORMAL", area=None, place_key="a", opened_ms=T0,
            ledger=(HolderLine("roads", T0),), reports=(("police", ref),), clocks=clocks,
        )  # fmt: skip
        return case

    def routed(self, case: str) -> Case:
        found = self.route[case]
        assert isinstance(found, Case)
        return found

    def tracked(self, case: str) -> TrackedCase:
        found = self.track[case]
        assert isinstance(found, TrackedCase)
        return found

    def answers(self, case: str, update: str) -> None:
        self.run.update("roads", update, case)
        known = self.tracked(case)
        answer = AppliedUpdate(update, "roads", "RESPONDED", T0, "")
        self.track[case] = msgspec.structs.replace(known, answers=(*known.answers, answer))

    def changelogs(self) -> Changelogs:
        tables = self.run.tables()
        told = zip(tables.updates["case_id"].to_pylist(), tables.updates["update_id"].to_pylist(), strict=True)
        refs = digests(
            pa.array([*tables.events["source"].to_pylist(), *(f"dept.{d}" for d in tables.updates["department"].to_pylist())]),
            pa.array([*tables.events["source_ref"].to_pylist(), *map("\x1f".join, told)]),
        )  # fmt: skip
        seen = np.concatenate([tables.events[ORIGIN].to_numpy(), tables.updates[ORIGIN].to_numpy()])
        revisions = np.concatenate([tables.events["revision"].to_numpy(), tables.updates["revision"].to_numpy()])
        further = revisions > 0
        refs = np.where(further[:, None], mixed(refs, revisions), refs)
        kept = np.ones(len(seen), dtype=bool)
        if self.drop is not None:
            kept[self.drop] = False
        remembered = RememberedRows(seen[kept], refs[kept], np.where(further, -1, revisions)[kept], self.whole)
        route: Keyed[RouteRecord] = Keyed()
        track: Keyed[TrackRecord] = Keyed()
        for key, case in self.route.items():
            route.put(0, key, case)
        for key, record in self.track.items():
            track.put(0, key, record)
        if self.twice is not None:
            route.put(1, self.twice, self.route[self.twice])
            track.put(1, self.twice, self.track[self.twice])
        return Changelogs(remembered, route, track)

    def judged(self) -> StateReport:
        return judge_state(self.run.tables(), self.changelogs())


def clock(**changes: object) -> ClockState:
    plain = ClockState("accept", "accept.default", T0, T0 + HOUR, T0 + 2 * HOUR)
    return msgspec.structs.replace(plain, **changes)


@pytest.fixture
def hub() -> Hub:
    made = Hub()
    case = made.opens("P-1", (clock(warned=True, breached=True, ended_ms=T0 + 3 * HOUR, verdict="ENDED_LATE"),))
    made.run.links(case, ("police", "P-1"), "hotline", "H-1")
    made.route[case] = msgspec.structs.replace(
        made.routed(case), reports=(*made.routed(case).reports, Report("hotline", "H-1", 0))
    )
    made.track[case] = msgspec.structs.replace(made.tracked(case), reports=(("police", "P-1"), ("hotline", "H-1")))
    made.run.ring(case, "accept", "WARNED", at=T0 + HOUR, due=T0 + 2 * HOUR)
    made.run.ring(case, "accept", "BREACHED", at=T0 + 2 * HOUR, due=T0 + 2 * HOUR)
    made.run.ring(case, "accept", "ENDED_LATE", at=T0 + 3 * HOUR, due=T0 + 2 * HOUR)
    made.answers(case, "U-1")
    made.opens("P-2", (clock(),))
    made.run.change(made.run.event("police", "P-2", 1), list(made.route)[1], "AMENDED", "police", "P-2", revision=1)
    # as `route` counts them: of P-2 there is still one report
    made.run.rows["cases"][-1]["reports"] = 1
    return made


def test_what_fits_together_is_good(hub: Hub) -> None:
    report = hub.judged()
    assert report.good, report.as_dict()
    assert (report.remembered, report.cases, report.tracked, report.clocks) == (5, 2, 2, 2)
    assert hub.judged().rows()[-1] == ("checks passed 通过检查", f"{len(report.findings)} of {len(report.findings)}")


def test_a_report_that_was_taken_out_is_in_its_own_case_only(hub: Hub) -> None:
    case, lead = _first(hub), ("police", "P-1")
    own = hub.run.unlinks(case, lead, "hotline", "H-1")
    assert "which reports" in ", ".join(each.what for each in hub.judged().findings if each.count)
    of_own = {"case_id": own, "reports": (Report("hotline", "H-1", 0),)}
    hub.route[own] = msgspec.structs.replace(hub.routed(case), **of_own)
    hub.track[own] = msgspec.structs.replace(
        hub.tracked(case), case_id=own, reports=(("hotline", "H-1"),), clocks=(), answers=()
    )
    _set_route(hub, reports=(Report(*lead, 0),))
    hub.track[case] = msgspec.structs.replace(hub.tracked(case), reports=(lead,), left=(("hotline", "H-1"),))
    assert hub.judged().good, hub.judged().as_dict()


def _first(hub: Hub) -> str:
    return next(iter(hub.route))


def _set_route(hub: Hub, **changes: object) -> None:
    hub.route[_first(hub)] = msgspec.structs.replace(hub.routed(_first(hub)), **changes)


def _set_clock(hub: Hub, **changes: object) -> None:
    case = hub.tracked(_first(hub))
    hub.track[_first(hub)] = msgspec.structs.replace(case, clocks=(msgspec.structs.replace(case.clocks[0], **changes),))


def _lose(states: dict[str, RouteRecord] | dict[str, TrackRecord], case: str) -> None:
    del states[case]


BREAKS: dict[str, tuple[str, Callable[[Hub], object]]] = {
    "a record forgotten": ("not remembered", lambda hub: setattr(hub, "drop", 0)),
    "a record remembered that was not admitted": ("not admitted", lambda hub: _admit_less(hub)),
    "a record remembered as another": (
        "something else", lambda hub: setattr(hub, "changelogs", _with_other_digest(hub.changelogs)),
    ),
    "a record remembered twice": ("remembered twice", lambda hub: setattr(hub, "changelogs", _doubled(hub.changelogs))),
    "a case lost by route": ("route: open cases", lambda hub: _lose(hub.route, _first(hub))),
    "a case lost by track": ("track: open cases", lambda hub: _lose(hub.track, _first(hub))),
    "a case of an aborted transaction": ("does not know 未发布", lambda hub: hub.route.update({"C-0": hub.route[_first(hub)]})),
    "another department": ("department, end", lambda hub: _set_route(hub, department="parks")),
    "over, and nobody was told": ("department, end", lambda hub: _set_route(hub, closed_ms=T0)),
    "a report forgotten": ("department, end", lambda hub: _set_route(hub, reports=hub.routed(_first(hub)).reports[:1])),
    "another report": (
        "route: which reports", lambda hub: _set_route(hub, reports=(Report("police", "P-1", 0), Report("x", "X", 0))),
    ),
    "words kept of nobody": (
        "statements kept", lambda hub: hub.route.update({"~x:X:0": LinkedStatement("a", None, None, None, b"")}),
    ),
    "a case in two partitions": ("several partitions", lambda hub: setattr(hub, "twice", _first(hub))),
    "an update that was not applied": ("answers differ", lambda hub: hub.run.update("roads", "U-2", _first(hub))),
    "an update applied twice": ("answers differ", lambda hub: _answer_again(hub)),
    "an update that waits": ("still wait", lambda hub: hub.track.update({"~waiting:C-9": Waiting(T0, (b"",))})),
    "a verdict nobody heard": ("said otherwise", lambda hub: _set_clock(hub, verdict="MET", breached=False)),
    "a verdict forgotten": ("said otherwise", lambda hub: _set_clock(hub, verdict=None, ended_ms=None)),
    "an end at another instant": ("said otherwise", lambda hub: _set_clock(hub, ended_ms=T0 + 4 * HOUR)),
    "a warning nobody heard": (
        "said otherwise",
        lambda hub: hub.track.update({
            list(hub.track)[1]: msgspec.structs.replace(hub.tracked(list(hub.track)[1]), clocks=(clock(warned=True),))
        }),
    ),
    "a clock that track does not have": ("does not have", lambda hub: _set_clock(hub, due_ms=T0 + 9 * HOUR, verdict=None,
                                                                                ended_ms=None, warned=False, breached=False)),
}  # fmt: skip


def _with_other_digest(made: Callable[[], Changelogs]) -> Callable[[], Changelogs]:
    def changelogs() -> Changelogs:
        found = made()
        found.remembered.digests[0] += np.uint64(1)
        return found

    return changelogs


def _doubled(made: Callable[[], Changelogs]) -> Callable[[], Changelogs]:
    def changelogs() -> Changelogs:
        found = made()
        kept = found.remembered
        twice = RememberedRows(
            np.concatenate([kept.seen, kept.seen[:1]]), np.concatenate([kept.digests, kept.digests[:1]]),
            np.concatenate([kept.revisions, kept.revisions[:1]]), kept.whole,
        )  # fmt: skip
        return Changelogs(twice, found.route, found.track)

    return changelogs


def _admit_less(hub: Hub) -> None:
    """The memory stays as it was."""
    found = hub.changelogs()
    hub.changelogs = lambda: found  # type: ignore[method-assign]
    hub.run.rows["events"].pop(0)


def _answer_again(hub: Hub) -> None:
    case = hub.tracked(_first(hub))
    hub.track[_first(hub)] = msgspec.structs.replace(case, answers=case.answers * 2)


@pytest.mark.parametrize("how", BREAKS)
def test_what_disagrees_is_found(hub: Hub, how: str) -> None:
    named, break_it = BREAKS[how]
    break_it(hub)
    report = hub.judged()
    assert not report.good
    assert any(named in finding.what and finding.count for finding in report.findings), report.as_dict()


def test_a_case_that_is_over_may_be_forgotten(hub: Hub) -> None:
    second = list(hub.route)[1]
    hub.run.rows["cases"][-1]["over"] = True
    _lose(hub.route, second)
    _lose(hub.track, second)
    report = hub.judged()
    assert report.good, report.as_dict()
    assert report.forgotten == 1


def test_a_clock_called_off_and_set_to_the_same_time_again(hub: Hub) -> None:
    second = list(hub.route)[1]
    hub.run.ring(second, "accept", "WARNED", at=T0 + HOUR, due=T0 + 2 * HOUR)
    hub.run.ring(second, "accept", "CANCELLED", at=T0 + HOUR, due=T0 + 2 * HOUR, corrects=True)
    assert hub.judged().good
    hub.run.ring(second, "accept", "BREACHED", at=T0 + 2 * HOUR, due=T0 + 2 * HOUR)
    assert not hub.judged().good


def test_what_is_said_of_a_second_round_is_not_held_against_the_first(hub: Hub) -> None:
    """Both would end at the same instant; then the second is extended."""
    second, due = list(hub.route)[1], T0 + 2 * HOUR
    first, again = clock(ended_ms=T0 + 5, verdict="MET"), clock(started_ms=T0 + 9, due_ms=T0 + 4 * HOUR)
    hub.track[second] = msgspec.structs.replace(hub.tracked(second), clocks=(first, again))
    hub.run.ring(second, "accept", "MET", at=T0 + 5, due=due, started=T0)
    hub.run.ring(second, "accept", "CANCELLED", at=T0 + 9, due=due, started=T0 + 9)
    assert hub.judged().good, hub.judged().as_dict()
    hub.run.ring(second, "accept", "CANCELLED", at=T0 + 9, due=due, started=T0)
    assert not hub.judged().good


def test_what_has_expired_is_not_held_against_the_memory(hub: Hub) -> None:
    _admit_less(hub)
    hub.run.begins = {("hub.events", 0): 1}
    assert hub.judged().good

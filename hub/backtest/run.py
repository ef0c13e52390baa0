"""One back-test: files in, decisions, scores and differences out."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from hub.backtest.intake import EventFile, HistoryIntake, OnProgress, RejectedRow, read_events
from hub.backtest.judging.difference import Difference, difference, load
from hub.backtest.judging.duplicates import DuplicateScore, score_duplicates
from hub.backtest.judging.scores import Scores, score
from hub.backtest.judging.truth import TruthTable, read_truth
from hub.backtest.prepare import REPEATED, Prepared, prepare
from hub.backtest.replay import Played, play
from hub.backtest.stray import last_believed
from hub.backtest.updates import HistoryUpdate, closings, read_updates
from hub.clock import iso
from hub.core.report import Sighting
from hub.errors import Reason
from hub.millis import DAY_MS
from hub.policy.city import City

Bars = Callable[[str], AbstractContextManager[OnProgress]]
"""Opens a progress bar with a title; what it gives is called with how many are done, of how many."""


@dataclass(frozen=True)
class Options:
    """How a history is run and judged. Times in ms since 1970 UTC."""

    source_due: bool = False
    """The source's own due times count: what events carry or else, as they are the source's too, what the truth tells."""
    now_ms: int | None = None
    from_ms: int | None = None
    until_ms: int | None = None


@dataclass
class ReadHistory:
    """What the files of a back-test hold; read once, run under as many policies as one likes."""

    intake: HistoryIntake
    updates: list[HistoryUpdate] = field(default_factory=list)
    rejects: list[RejectedRow] = field(default_factory=list)
    """Of the updates."""
    truth: TruthTable | None = None
    closed_by: str = "the events"
    """What closings were taken from."""


@dataclass
class PolicyRun:
    """One policy's run."""

    city: City
    played: Played
    rejects: list[RejectedRow]
    repeats: int
    scores: Scores | None
    """Of the period that is judged."""
    links: DuplicateScore
    """Of all reports."""

    def as_dict(self) -> dict[str, Any]:
        """Counts and scores, for machines."""
        decisions = self.played.decisions
        return {
            "city": self.city.id,
            "policy": self.city.fingerprint,
            "reports": len(decisions),
            "cases": len({each.case_id for each in decisions}),
            "links": self.links.links,
            "with_due": sum(each.due_ms is not None for each in decisions),
            "breached": sum(each.breached_ms is not None for each in decisions),
            "open": sum(each.ended_ms is None for each in decisions),
            "at_desk": sum(each.held_by == self.city.dispatch_desk for each in decisions),
            "without_clock": sum(each.due_ms is None for each in decisions),
            "load": {name: vars(each) for name, each in sorted(load(decisions).items())},
            "duplicates": self.links.as_dict(),
            "scores": self.scores.as_dict() if self.scores else None,
        }


@dataclass
class Backtest:
    """Everything a report tells."""

    history: ReadHistory
    outcome: PolicyRun
    against: PolicyRun | None = None
    difference: Difference | None = None

    def rejects(self) -> list[RejectedRow]:
        """Rows that made no decision: of events, then of updates."""
        return [*self.history.intake.rejects, *self.outcome.rejects, *self.history.rejects]

    def marked(self) -> list[RejectedRow]:
        """Rows that count otherwise than they say, and how."""
        detail = "dated before its report; it counts as at the report"
        early = self.outcome.played.early
        return [RejectedRow(each.file, each.line, each.ref, "update_before_report", detail) for each in early]

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        intake = self.history.intake
        found: dict[str, Any] = {
            "rows": intake.rows,
            "left_out": intake.left_out,
            "rejected": sum(each.reason != REPEATED for each in self.rejects()),
            "rejected_by_reason": dict(sorted(Counter(each.reason for each in self.rejects()).items())),
            "repeats": self.outcome.repeats,
            "closings_from": self.history.closed_by,
            "updates": {
                "applied": self.outcome.played.applied,
                "after_end": self.outcome.played.later,
                "before_report": len(self.outcome.played.early),
                "of_another_department": self.outcome.played.elsewhere,
            },
            "judged_at_ms": self.outcome.played.now_ms,
        }
        found |= self.outcome.as_dict()
        if self.history.truth is not None:
            truth = self.history.truth
            found["truth"] = {"rows": len(truth.rows), "unreadable": len(truth.bad), "repeated": truth.repeated}
        if self.against is not None and self.difference is not None:
            found["against"] = self.against.as_dict()
            found["difference"] = self.difference.as_dict()
        return found


def read_history(
    files: list[EventFile], time_zone: str, bars: Bars, *, truth: Path | None = None, updates: Path | None = None
) -> ReadHistory:
    """Read everything. `time_zone`: the city's, for updates. Closings are those of `updates`; without that file, those that
    the truth tells; they are what happened, known when it happened, and no judgement."""
    with bars("Reading reports 读取来报") as on_progress, without_collection():
        history = ReadHistory(read_events(files, on_progress))
    if truth is not None:
        with bars("Reading the truth 读取实况") as on_progress, without_collection():
            history.truth = read_truth(truth, files[0].chosen.mapping, on_progress)
        history.rejects += [RejectedRow(truth.name, line, "", "bad_row", detail) for line, detail in history.truth.bad]
    if updates is not None:
        with bars("Reading updates 读取办理情况") as on_progress:
            first = files[0].chosen.mapping
            told = read_updates(updates, time_zone, on_progress, encoding=first.encoding, reference=first.reference)
        history.updates, history.closed_by = told.updates, updates.name
        history.rejects += told.rejects
    elif history.truth is not None and "closed" in history.truth.tells:
        history.updates = closings((ref, row.closed_ms) for ref, row in history.truth.rows.items())
        history.closed_by = "the truth"
    return history


@contextmanager
def without_collection() -> Iterator[None]:
    """Millions of small records and no cycles among them: to walk them over and over doubles the time of a run."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def run(city: City, history: ReadHistory, options: Options, bars: Bars) -> PolicyRun:
    """One policy over the whole history."""
    prepared = prepare(city, history.intake)
    if options.source_due and history.truth is not None:
        prepared.sightings = _with_due(prepared.sightings, history.truth)
    truth, now_ms = history.truth, options.now_ms
    if now_ms is None and truth is not None:
        now_ms = truth.snapshot_ms
    updates, rejects = history.updates, prepared.rejects
    if now_ms is None:
        updates, stray = _set_aside_stray(history, prepared)
        rejects = rejects + stray
    with bars(f"Running {city.id} 回放") as on_progress, without_collection():
        played = play(
            city, prepared.sightings, updates, source_due=options.source_due, now_ms=now_ms, on_progress=on_progress
        )
    if history.closed_by != "the truth":  # a truth may well tell of more than was asked to run
        rejects = rejects + [
            RejectedRow(
                each.file, each.line, each.ref, "unknown_ref", "no report has this reference; is it of other events?"
            )
            for each in played.unknown
        ]
    scores = None
    if truth is not None:
        scores = score(city, played.decisions, truth, played.now_ms, from_ms=options.from_ms, until_ms=options.until_ms)
    links = None if scores is None or options.from_ms or options.until_ms else scores.duplicates
    links = links or score_duplicates(played.decisions, played.decisions, None)
    return PolicyRun(city, played, rejects, prepared.repeats, scores, links)


def _set_aside_stray(history: ReadHistory, prepared: Prepared) -> tuple[list[HistoryUpdate], list[RejectedRow]]:
    """Take out what is dated after the last instant that is believed; gives the updates that are left, and what was taken."""
    times = [(each.at_ms, each.ref) for each in prepared.sightings]
    times += [(each.at_ms, each.ref) for each in history.updates]
    last_ms = last_believed(times)
    if last_ms is None or max(times)[0] <= last_ms:
        return history.updates, []
    lines, found = history.intake.lines, []
    for each in prepared.sightings:
        if each.at_ms > last_ms and each.row is not None:
            found.append(_stray(*lines[each.row], each.ref, each.at_ms, last_ms))
    found += [_stray(one.file, one.line, one.ref, one.at_ms, last_ms) for one in history.updates if one.at_ms > last_ms]
    prepared.sightings = [each for each in prepared.sightings if each.at_ms <= last_ms]
    return [one for one in history.updates if one.at_ms <= last_ms], found


def _stray(file: str, line: int, ref: str, at_ms: int, last_ms: int) -> RejectedRow:
    days = (at_ms - last_ms) // DAY_MS
    detail = (
        f"dated {iso(at_ms)}, {days:,} days after all else in these files; mend the date, or say with --now until when"
    )
    return RejectedRow(file, line, ref, str(Reason.TIME_OUT_OF_RANGE), detail)


def _with_due(sightings: list[Sighting], truth: TruthTable) -> list[Sighting]:
    """The city's own due times as if the source had sent them, where it did not."""
    rows = truth.rows
    return [
        msgspec.structs.replace(each, due_ms=rows[each.ref].due_ms)
        if each.due_ms is None and each.ref in rows
        else each
        for each in sightings
    ]


def backtest(city: City, history: ReadHistory, options: Options, bars: Bars, against: City | None = None) -> Backtest:
    """The whole: one policy or, with `against`, also what it does otherwise than that one over the same history."""
    outcome = run(city, history, options, bars)
    if against is None:
        return Backtest(history, outcome)
    other = run(against, history, options, bars)
    return Backtest(history, outcome, other, difference(other.played.decisions, outcome.played.decisions))

"""Judges what `learn` drafts on real files: learns on the earlier part of each city, judges the later one, and runs on all."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from hub.backtest.decided import Decided
from hub.backtest.intake import EventFile
from hub.backtest.judging.scores import RightShare, Scores, score
from hub.backtest.mappings import find_mapping
from hub.backtest.run import Bars, Options, PolicyRun, ReadHistory, read_history, run
from hub.bounds import SYSTEM_ID
from hub.declared.document import load_yaml
from hub.escaping import write_csv
from hub.handed_out import handed_out
from hub.learn.layers import read_layer
from hub.learn.months import months_between
from hub.learn.run import draft_folder
from hub.policy.city import City
from hub.policy.loader import load_city
from hub.sdk.mapping.times import parse_time

HoldOut = Literal["later", "monthly", "source", "all"]
_SAMPLE = 100


class Measure(BaseModel):
    """One row of the table. `of` names a score; `run` says of which run: `later` - learnt before, judged after; `monthly` -
    learnt again each month; `source` - by the source's own due times; `all` - learnt before, judged on all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    of: Literal["due", "breach", "department", "queue", "pairs", "flags", "clusters", "identical_texts"]
    run: HoldOut
    simple: str | float
    goal: float
    most_links: int | None = None


class CityPlan(BaseModel):
    """One city's files, what is learnt from and what is judged. Dates are local to the mapping's time zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=f"^{SYSTEM_ID}$")
    events: str
    truth: str | None = None
    updates: str | None = None
    mapping: str
    areas: list[str] = []
    learn_until: str | None = None
    judge_from: str | None = None
    judge_until: str | None = None
    measures: list[Measure] = Field(min_length=1)


class ScoreboardFile(BaseModel):
    """A scoreboard file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    cities: list[CityPlan]


@dataclass(frozen=True)
class Reached:
    """A measure with what was reached. `share` is None where nothing could be judged."""

    measure: Measure
    share: float | None
    right: int
    judged: int
    links: int

    @property
    def met(self) -> bool:
        """The goal is reached, and within the allowance of links."""
        within = self.measure.most_links is None or self.links <= self.measure.most_links
        return self.share is not None and self.share >= self.measure.goal - 1e-9 and within

    def as_dict(self) -> dict[str, Any]:
        facts = self.measure.model_dump()
        return facts | {
            "reached": self.share,
            "right": self.right,
            "judged": self.judged,
            "links": self.links,
            "met": self.met,
        }


def load_plan(path: Path) -> ScoreboardFile:
    """Raises FatalError, naming file and line."""
    return load_yaml(path, ScoreboardFile)


def present(plan: ScoreboardFile, data: Path) -> list[CityPlan]:
    """The cities whose files are there."""
    return [
        city
        for city in plan.cities
        if (data / city.events).is_file() and (not city.truth or (data / city.truth).is_file())
    ]


def judge_city(city: CityPlan, data: Path, geo: Path, out: Path, bars: Bars) -> Iterator[Reached]:
    """Learn, run and judge one city; drafts and samples are left in `out`."""
    judged = _City(city, data, geo, out, bars)
    for measure in city.measures:
        scores = judged.scores(measure.run)
        yield _reached(measure, scores)


class _City:
    """One city's files, read once; each kind of run is made when it is asked for, and once."""

    def __init__(self, plan: CityPlan, data: Path, geo: Path, out: Path, bars: Bars) -> None:
        chosen = find_mapping(plan.mapping, data / plan.events)
        self._plan, self._out, self._bars = plan, out / plan.name, bars
        self._zone = chosen.mapping.time_zone
        self._nowhere = chosen.mapping.event.place.nowhere
        self._layers = [read_layer(geo / name) for name in plan.areas if (geo / name).is_file()]
        self._history = read_history(
            [EventFile(data / plan.events, chosen)],
            self._zone,
            bars,
            truth=data / plan.truth if plan.truth else None,
            updates=data / plan.updates if plan.updates else None,
        )
        self._scores: dict[str, Scores] = {}
        self._runs: dict[str, PolicyRun] = {}

    def scores(self, kind: HoldOut) -> Scores:
        """What the measures of one kind of run are read from."""
        if kind not in self._scores:
            self._scores[kind] = self._monthly() if kind == "monthly" else self._plain(kind)
        return self._scores[kind]

    def _plain(self, kind: HoldOut) -> Scores:
        outcome = self._run("source" if kind == "source" else "own")
        later = kind in ("later", "source")
        span = (self._ms(self._plan.judge_from), self._ms(self._plan.judge_until)) if later else (None, None)
        return _judged(outcome, self._history, *span)

    def _run(self, kind: str) -> PolicyRun:
        if kind not in self._runs:
            city = self._draft("learnt", self._ms(self._plan.learn_until))
            self._runs[kind] = run(city, self._history, Options(source_due=kind == "source"), self._bars)
            if kind == "own":
                _write_sample(self._out / "links_sample.csv", self._runs[kind].played.decisions)
        return self._runs[kind]

    def _monthly(self) -> Scores:
        """Each month of the judged span by what was known before it."""
        total = Scores()
        first, last = self._ms(self._plan.judge_from), self._ms(self._plan.judge_until)
        if first is None or last is None:
            return total
        for from_ms, until_ms in months_between(first, last, self._zone):
            city = self._draft(f"learnt_{len(list(self._out.glob('learnt_*')))}", from_ms)
            one = _judged(run(city, self._history, Options(), self._bars), self._history, from_ms, until_ms)
            total.reports += one.reports
            for name in (
                "due",
                "breach",
                "breach_source",
                "breach_all",
                "department",
                "queue",
                "department_held",
                "queue_held",
            ):
                add: RightShare = getattr(one, name)
                into: RightShare = getattr(total, name)
                into.judged, into.right = into.judged + add.judged, into.right + add.right
        return total

    def _draft(self, name: str, until_ms: int | None) -> City:
        folder = self._out / name
        draft_folder(
            self._history, self._zone, self._layers, folder, self._bars,
            nowhere=self._nowhere, until_ms=until_ms, city_id=self._plan.name,
        )  # fmt: skip
        return load_city(folder)

    def _ms(self, day: str | None) -> int | None:
        return None if day is None else parse_time(day, ["iso", "ymd"], ZoneInfo(self._zone))


def _judged(outcome: PolicyRun, history: ReadHistory, from_ms: int | None, until_ms: int | None) -> Scores:
    truth = history.truth
    if truth is None:
        return Scores(reports=len(outcome.played.decisions), duplicates=outcome.links)
    played = outcome.played
    return score(outcome.city, played.decisions, truth, played.now_ms, from_ms=from_ms, until_ms=until_ms)


def _reached(measure: Measure, scores: Scores) -> Reached:
    links = scores.duplicates.links if scores.duplicates else 0
    if measure.of in ("due", "breach", "department", "queue"):
        share: RightShare = getattr(scores, measure.of)
        return Reached(measure, share.share, share.right, share.judged, links)
    said = scores.duplicates.as_dict() if scores.duplicates else {}
    found = said.get(measure.of)
    if not found:
        return Reached(measure, None, 0, 0, links)
    if measure.of in ("flags", "clusters"):
        return Reached(measure, found["f1"], found["agreed"], found["flagged"], links)
    known = found.get("known", found.get("groups"))
    return Reached(measure, found["share"], found["joined"], known, links)


def _write_sample(path: Path, decisions: list[Decided]) -> None:
    """Links drawn at random with both texts, to be checked by hand: were different matters joined."""
    lead = {(each.report.source, each.report.ref): each.report for each in decisions}
    linked = [each for each in decisions if each.linked]
    drawn = random.Random(1).sample(linked, min(_SAMPLE, len(linked)))
    with open(path, "w", encoding="utf-8", newline="", opener=handed_out) as file:
        rows: list[tuple[Any, ...]] = [("score", "lead_ref", "source_ref", "lead", "linked")]
        for each in drawn:
            texts = [_words(lead[each.lead_source, each.lead_ref]), _words(each.report)]
            rows.append((each.link_score, each.lead_ref, each.report.ref, *texts))
        write_csv(file, rows)


def _words(report: Any) -> str:
    return " | ".join(filter(None, (report.category, report.address, report.title, report.text)))


def scoreboard_markdown(title: str, rows: list[Reached]) -> str:
    """The table, as the README holds it."""
    lines = [f"| {title} | simple rules reach | goal | reached | |", "|---|---|---|---|---|"]
    for each in rows:
        goal, reached = _figure(each, each.measure.goal), "-" if each.share is None else _figure(each, each.share)
        of = f"{each.right:,} of {each.judged:,}" if each.judged else "not judged"
        if each.measure.of in ("pairs", "flags", "clusters"):
            of += f", {each.links:,} links"
        lines.append(
            f"| {each.measure.what} | {each.measure.simple} | {goal} | **{reached}** {'✓' if each.met else '✗'} | {of} |"
        )
    return "\n".join(lines) + "\n"


def _figure(reached: Reached, share: float) -> str:
    return f"{share:.3f}" if reached.measure.of in ("flags", "clusters") else f"{share:.1%}".replace("%", " %")

"""One incident as the systems tell it: reports through several channels, follow-ups, repeats, mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import cos, radians
from random import Random

from hub.millis import HOUR_MS, MINUTE_MS
from hub.simulator import wording
from hub.simulator.rhythm import Incident
from hub.simulator.scene import Coordinates, Scene, SceneCategory
from hub.simulator.truth import Oddity, Statement, StatementKind

METRES_PER_DEGREE = 111_320.0
JITTER_M = 12.0
"""Standard deviation of a reported position."""
_AMENDED = 0.18
"""Share of reports that are amended once; a quarter of those a second time."""
AMENDED_AGAIN = 0.25
RETOLD_LATE_SHARE = 0.12
"""Share of amended reports of which two statements arrive in the wrong order."""
_WITHDRAWN = 0.02
_CLOSED = 0.08
_REPEATED = 0.03
BRIEF = 0.25
"""Share of follow-ups that leave out category and place: as before."""
CORRECTED = 0.10
"""Share of amendments of a lone report that change its category."""
ODD = (
    (Oddity.BAD_TIME, 0.003),
    (Oddity.YEAR_ONE, 0.002),
    (Oddity.NO_REF, 0.002),
    (Oddity.WRONG_CATEGORY, 0.008),
    (Oddity.OUTSIDE, 0.006),
    (Oddity.UNPLACED, 0.012),
)
"""What can be wrong with the report of an incident that only one person reports, and how often."""
ROWS_PER_REPORT = (1 + _AMENDED * (1 + AMENDED_AGAIN) + _WITHDRAWN + _CLOSED) * (1 + _REPEATED)
CHANNELS = {
    "police": ("phone", "phone", "phone", "app", "worker"),
    "hotline": ("phone", "phone", "app", "web"),
    "petition": ("web", "phone", "app"),
    "citymgmt": ("worker", "worker", "app", "web"),
}
STRANGE_CATEGORY = "ZZ-99"


_PREFIXES = {"police": "JJ", "hotline": "HL", "petition": "XF", "citymgmt": "CG"}


@dataclass(frozen=True, slots=True)
class Naming:
    """Makes the references of one day: unique over the whole run."""

    day: int

    def reference(self, source: str, incident: int, report: int) -> str:
        return f"{_PREFIXES[source]}{self.day:04d}{incident:07d}{report:02d}"


def retell(scene: Scene, rng: Random, incident: Incident, naming: Naming) -> Iterator[Statement]:
    """Every statement about one incident, in no particular order."""
    sources = incident.kind.sources
    odd = _oddity(rng) if incident.reports == 1 and incident.burst is None else None
    told_ms = incident.at_ms + round(rng.expovariate(1 / (4 * MINUTE_MS)))
    for number in range(incident.reports):
        # A burst comes in evenly and through every system; everyday neighbours notice one after the other.
        source = sources[number % len(sources)] if incident.burst and incident.reports > 5 else rng.choice(sources)
        reported_ms = told_ms if number == 0 else told_ms + _lag(rng, incident)
        first = _report(
            scene, rng, incident, source, naming.reference(source, incident.number, number), reported_ms, odd
        )
        if first.broken:
            yield first
        else:
            yield from _repeated(rng, _in_disorder(rng, _follow_ups(scene, rng, incident, first)))


def _oddity(rng: Random) -> Oddity | None:
    drawn = rng.random()
    for oddity, share in ODD:
        if drawn < share:
            return oddity
        drawn -= share
    return None


def _lag(rng: Random, incident: Incident) -> int:
    if incident.burst:
        return rng.randrange(incident.spread_ms)
    return min(incident.spread_ms, 2 * MINUTE_MS + round(rng.expovariate(1 / (50 * MINUTE_MS))))


def _report(
    scene: Scene, rng: Random, incident: Incident, source: str, ref: str, reported_ms: int, oddity: Oddity | None
) -> Statement:
    where: Coordinates | None = jittered(rng, incident.where)
    if oddity is Oddity.OUTSIDE:
        where = scene.elsewhere(rng)
    elif oddity is Oddity.UNPLACED:
        where = scene.nowhere if source == "hotline" else None
    kind, chinese = incident.kind, source == "petition"
    address = wording.street(incident.where, chinese)
    return Statement(
        sent_ms=reported_ms + rng.randrange(MINUTE_MS),
        source=source,
        ref=ref,
        revision=0,
        kind=StatementKind.OPENED,
        occurred_ms=incident.at_ms,
        reported_ms=reported_ms,
        opened_ms=reported_ms,
        incident=incident.number,
        category=STRANGE_CATEGORY if oddity is Oddity.WRONG_CATEGORY else kind.code,
        category_label=kind.label,
        category_label_zh=kind.label_zh,
        group=kind.group,
        group_label=kind.group_label,
        urgency=kind.urgency,
        area=None if oddity in (Oddity.OUTSIDE, Oddity.UNPLACED) else incident.area.code,
        point=where,
        address="" if oddity is Oddity.UNPLACED else address,
        title=wording.title(kind, address, chinese),
        text=wording.text(rng, kind, address, chinese),
        channel=rng.choice(CHANNELS[source]),
        oddity=oddity,
        burst=incident.burst,
    )


def jittered(rng: Random, where: Coordinates) -> Coordinates:
    """The place as somebody else gives it: some metres off."""
    north, east = (max(-3.0, min(3.0, rng.gauss(0, 1))) * JITTER_M for _ in range(2))
    lat = where[0] + north / METRES_PER_DEGREE
    return round(lat, 6), round(where[1] + east / (METRES_PER_DEGREE * cos(radians(where[0]))), 6)


def _follow_ups(scene: Scene, rng: Random, incident: Incident, first: Statement) -> list[Statement]:
    told = [first]
    if rng.random() < _AMENDED:
        told.append(_amended(scene, rng, incident, told[-1]))
        if rng.random() < AMENDED_AGAIN:
            told.append(_amended(scene, rng, incident, told[-1]))
    drawn = rng.random()
    if drawn < _WITHDRAWN:
        told.append(_next(rng, told[-1], StatementKind.WITHDRAWN, 30 * MINUTE_MS))
    elif drawn < _WITHDRAWN + _CLOSED:
        told.append(_next(rng, told[-1], StatementKind.CLOSED, 3 * HOUR_MS))
    return [_brief(rng, statement, first) for statement in told]


def _next(rng: Random, before: Statement, kind: StatementKind, mean_ms: int) -> Statement:
    reported_ms = before.reported_ms + 2 * MINUTE_MS + round(rng.expovariate(1 / mean_ms))
    return replace(
        before,
        kind=kind,
        revision=before.revision + 1,
        reported_ms=reported_ms,
        sent_ms=reported_ms + rng.randrange(MINUTE_MS),
        oddity=None,
    )


def _amended(scene: Scene, rng: Random, incident: Incident, before: Statement) -> Statement:
    after = _next(rng, before, StatementKind.AMENDED, 40 * MINUTE_MS)
    after = replace(after, text=f"{before.text} {wording.later_text(rng, before.source == 'petition')}")
    if before.area is not None:
        after = replace(after, point=jittered(rng, incident.where))
    others = [kind for kind in scene.kinds if before.source in kind.sources and kind.code != before.category]
    if incident.reports == 1 and before.oddity is None and others and rng.random() < CORRECTED:
        after = _corrected(after, rng.choice(others))
    return after


def _corrected(statement: Statement, kind: SceneCategory) -> Statement:
    return replace(
        statement,
        category=kind.code,
        category_label=kind.label,
        category_label_zh=kind.label_zh,
        group=kind.group,
        group_label=kind.group_label,
        title=wording.title(kind, statement.address, statement.source == "petition"),
        urgency=kind.urgency,
    )


def _brief(rng: Random, statement: Statement, first: Statement) -> Statement:
    """Now and then a follow-up leaves out what has not changed."""
    if statement is first or statement.category != first.category or rng.random() >= BRIEF:
        return statement
    return replace(
        statement,
        category="",
        category_label="",
        category_label_zh="",
        group="",
        group_label="",
        address="",
        point=None,
    )


def _in_disorder(rng: Random, statements: list[Statement]) -> list[Statement]:
    """Now and then an older statement is sent after a newer one."""
    if len(statements) < 2 or rng.random() >= RETOLD_LATE_SHARE:
        return statements
    index = rng.randrange(len(statements) - 1)
    held_ms = statements[index + 1].sent_ms + rng.randrange(1, 10 * MINUTE_MS)
    statements[index] = replace(statements[index], sent_ms=held_ms, late=True)
    return statements


def _repeated(rng: Random, statements: list[Statement]) -> Iterator[Statement]:
    for statement in statements:
        yield statement
        if rng.random() < _REPEATED:
            yield replace(
                statement, sent_ms=statement.sent_ms + rng.randrange(1, 90 * MINUTE_MS), repeat=True, late=False
            )

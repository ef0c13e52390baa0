"""One state of a city's rules follows another: what may, what changes, and which holds when. Pure; nothing is half applied.

A hub that is told of new rules loads their folder (hub.policy.load_city, which lists every mistake), asks `succeed` whether they
may follow those in force, and only then puts them into its `Versions`, whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hub.core.rules.examples import check_examples
from hub.policy.city import City
from hub.policy.models import Strict


@dataclass(frozen=True)
class Succession:
    """Whether `proposed` may follow, and what then changes. With `problems` it must not be applied."""

    current: City
    proposed: City
    problems: tuple[str, ...]
    """What forbids it, each with its way out."""
    changes: tuple[str, ...]
    """What differs, in words, for the audit record; rows by their ids. Empty: the same rules."""

    @property
    def allowed(self) -> bool:
        return not self.problems


def succeed(current: City, proposed: City, *, in_use: Iterable[str] = ()) -> Succession:
    """Whether `proposed`, a folder that loads, may take the place of `current` while the hub runs.

    Its examples must hold, and what the hub's topics and state are keyed by must stay: the city's id, the ground of its places,
    and every department `in_use` (one that holds open cases; by default none does).
    """
    problems = check_examples(proposed)
    if proposed.id != current.id:
        problems.append(
            f"city.yaml: the id is {proposed.id!r}, but the hub runs {current.id!r}; start another hub for it"
        )
    if proposed.time_zone != current.time_zone:
        problems.append(
            f"city.yaml: the time zone was {current.time_zone} and is {proposed.time_zone}; running clocks are in the old "
            "one, so stop the hub to change it"
        )
    if _ground(proposed) != _ground(current):
        problems.append(
            "city.yaml: the main layer, its codes or the grid differ, and places are keyed by them; put new areas into a "
            "further layer, or stop the hub and drain its topics"
        )
    problems += [
        f"departments.yaml: {gone!r} is gone, but it holds open cases; keep it until they are closed or transferred"
        for gone in sorted(set(in_use) - set(proposed.departments))
    ]
    return Succession(current, proposed, tuple(problems), tuple(_changes(current, proposed)))


def _ground(city: City) -> tuple[object, ...]:
    divisions = city.divisions
    keyed = None if divisions is None else (divisions.spec.root, divisions.spec.levels, divisions.spec.places)
    return (city.main_layer, tuple(area.code for area in city.areas), city.grid_degrees, keyed)


def _changes(old: City, new: City) -> Iterable[str]:
    if old.fingerprint == new.fingerprint:
        return
    lines = list(_lines(old, new))
    if new.effective_ms < old.effective_ms:
        lines.append(
            f"city.yaml: goes back 回退 to rules that hold from {new.file.effective_from}, from those of "
            f"{old.file.effective_from}"
        )
    yield from lines or ["nothing that decides 规则未变: comments, layout or names"]


def _lines(old: City, new: City) -> Iterable[str]:
    tables: tuple[tuple[str, Callable[[City], Mapping[str, object]]], ...] = (
        ("category 类别", lambda city: city.categories),
        ("department 部门", lambda city: city.departments),
        ("exit 派前分流", lambda city: {row.id: row for row in city.exits}),
        ("route 派单规则", lambda city: {row.id: row for row in city.routes}),
        ("fallback 兜底规则", lambda city: {row.id: row for row in city.fallback}),
        ("deadline 时限", lambda city: {row.id: row for row in city.deadlines}),
        ("calendar 日历", lambda city: city.calendars),
        ("linking rule 关联规则", lambda city: {row.id: row for row in city.linking}),
        ("clock 时限种类", lambda city: city.clocks),
        ("condition 条件", lambda city: city.conditions),
        ("step 环节", lambda city: city.steps),
        ("outcome 办理结果", lambda city: city.outcomes),
        ("class of areas 区域类别", lambda city: city.area_classes),
        ("example 示例", lambda city: {row.name: row for row in city.examples}),
        ("unit 单位", lambda city: {} if city.organisation is None else city.organisation.units),
        ("purpose 用途", lambda city: city.privacy.purposes),
        ("purpose of answers to 答复用途", lambda city: city.privacy.sources),
        ("retention 保留期限", lambda city: city.privacy.retention),
        (
            "layer of areas 区域图层",
            lambda city: {name: _codes(city, name) for name in (city.main_layer, *city.layers)},
        ),
    )
    for kind, rows_of in tables:
        yield from _differences(kind, rows_of(old), rows_of(new))
    if old.owners != new.owners:
        yield "owners 权属: changed"
    if old.divisions is None or new.divisions is None:
        changed = old.divisions is not new.divisions
    else:
        changed = old.divisions.spec != new.divisions.spec
    if changed:
        yield "divisions.yaml 区划: changed"
    if _organisation(old) != _organisation(new):
        yield "organisation.yaml 组织: who stands above whom, or what they may say, changed"
    if _settings(old.file) != _settings(new.file):
        yield "city.yaml: changed"


def _organisation(city: City) -> object:
    """But for the units, which are told one by one."""
    return None if city.organisation is None else city.organisation.spec.model_dump(exclude={"units"})


def _codes(city: City, layer: str) -> tuple[tuple[str, bytes], ...]:
    areas = city.areas if layer == city.main_layer else city.layers[layer]
    return tuple((area.code, area.geometry.wkb) for area in areas)


def _settings(file: Strict) -> dict[str, object]:
    return file.model_dump()


def _differences(kind: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterable[str]:
    for name in sorted(set(old) | set(new)):
        if name not in old:
            yield f"{kind} {name}: new"
        elif name not in new:
            yield f"{kind} {name}: gone"
        elif old[name] != new[name]:
            yield f"{kind} {name}: changed"
    kept_old, kept_new = [name for name in old if name in new], [name for name in new if name in old]
    if kept_old != kept_new:
        yield f"{kind}: another order"


class Versions:
    """The states of one city's rules by the instant from which each holds: later rules never decide an earlier report."""

    def __init__(self, first: City) -> None:
        """`first` holds from the beginning: what was before it is not known."""
        self._from: list[int] = [-(1 << 62)]
        self._cities: list[City] = [first]
        self._named: dict[str, City] = {first.version: first}

    def in_force(self, at_ms: int) -> City:
        """The rules in force at an instant, UTC ms."""
        return self._cities[bisect_right(self._from, at_ms) - 1]

    def of(self, version: str, made_ms: int) -> City:
        """The rules of this version, though others have taken their place; those in force at the instant if they were never
        here."""
        return self._named.get(version) or self.in_force(made_ms)

    @property
    def latest(self) -> City:
        return self._cities[-1]

    @property
    def cities(self) -> tuple[City, ...]:
        """Every state that was ever here: cases that were opened by it go on by it."""
        return tuple(self._named.values())

    def add(self, city: City, from_ms: int | None = None) -> int:
        """Put a state into force from `from_ms`, by default the start of its effective day; gives that instant.

        It takes the place of every state that would begin at the same instant or later.
        """
        self._named[city.version] = city
        start = city.effective_ms if from_ms is None else from_ms
        keep = max(1, sum(each < start for each in self._from))
        self._from[keep:] = [start]
        self._cities[keep:] = [city]
        return start

"""What organisation.yaml must agree on: parents that exist, no circles, one unit for each area of a department."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from hub.declared.document import Location
from hub.declared.problems import hint
from hub.model.update import EVENT_NAMES
from hub.policy.models import STANDARD_LADDER, OrganisationFile
from hub.policy.organisation import parents_of

Mistake = tuple[Location, str]


def organisation_mistakes(spec: OrganisationFile, departments: frozenset[str]) -> Iterator[Mistake]:
    """Place and what is wrong, of every mistake but those of area codes."""
    where = _places(spec)
    yield from _ids(spec, departments)
    found = [*_parents(spec, departments)]
    yield from found
    if not found:
        yield from _circles(parents_of(spec), where)
        yield from _served_twice(spec, departments)
    for id_, place in spec.departments.items():
        if place.desk and not place.areas:
            yield ("departments", id_, "desk"), f"the desk {id_!r} serves no areas 派单台没有辖区; name them"
    yield from _areas_twice(spec)


def ladder_mistakes(spec: OrganisationFile, steps: Collection[str]) -> Iterator[Mistake]:
    """Of a tree without circles: rungs that nobody can say, that stand there twice, or on which nobody stands."""
    parents, kinds = parents_of(spec), {id_: place.kind for id_, place in spec.departments.items()}
    kinds |= {unit.id: unit.kind for unit in spec.units}
    above = {kinds.get(who, "department") for who in parents.values()}
    deepest = max((_depth(who, parents) for who in parents), default=0)
    sayable = {*(each.rung for each in STANDARD_LADDER), *steps}
    seen: set[str] = set()
    for index, rung in enumerate(spec.ladder):
        where: Location = ("ladder", index)
        if rung.rung not in sayable:
            yield (
                (*where, "rung"),
                f"nobody can say {rung.rung!r}; declare it in steps.yaml: {hint(rung.rung, sayable)}",
            )
        if rung.rung in seen:
            yield (*where, "rung"), f"the rung {rung.rung!r} stands here a second time; keep one"
        seen.add(rung.rung)
        if rung.kind is not None and rung.kind not in above:
            yield (
                (*where, "kind"),
                f"nobody stands on the rung {rung.rung!r} 此级无人: no {rung.kind!r} is above anybody; {hint(rung.kind, above)}",
            )
        if rung.above is not None and rung.above > deepest:
            yield (
                (*where, "above"),
                f"nobody stands on the rung {rung.rung!r} 此级无人: at most {deepest} stand above anybody; write no more",
            )


def says_mistakes(spec: OrganisationFile, steps: Collection[str]) -> Iterator[Mistake]:
    """Of what kinds of units may say: kinds that no unit is of, and what nobody can say."""
    kinds, sayable = (
        {unit.kind for unit in spec.units},
        {*(each.lower() for each in EVENT_NAMES if each != "CUSTOM"), *steps},
    )
    for kind, events in spec.says.items():
        if kind not in kinds:
            yield ("says", kind), f"no unit is a {kind!r} 无此类单位; {hint(kind, kinds)}"
        for position, event in enumerate(events):
            if event not in sayable:
                yield ("says", kind, position), f"nobody can say {event!r}; {hint(event, sayable)}"


def _depth(who: str, parents: Mapping[str, str]) -> int:
    depth = 0
    while (parent := parents.get(who)) is not None and depth <= len(parents):
        who, depth = parent, depth + 1
    return depth


def codes_named(spec: OrganisationFile) -> Iterator[tuple[Location, str]]:
    """Every area that is named, with its place."""
    for id_, place in spec.departments.items():
        for position, code in enumerate(place.areas):
            yield ("departments", id_, "areas", position), code
    for index, unit in enumerate(spec.units):
        for position, code in enumerate(unit.areas):
            yield ("units", index, "areas", position), code


def _places(spec: OrganisationFile) -> dict[str, Location]:
    places: dict[str, Location] = {id_: ("departments", id_) for id_ in spec.departments}
    return places | {unit.id: ("units", index) for index, unit in enumerate(spec.units)}


def _ids(spec: OrganisationFile, departments: frozenset[str]) -> Iterator[Mistake]:
    for id_ in spec.departments:
        if id_ not in departments:
            yield ("departments", id_), f"there is no department {id_!r}; {hint(id_, departments)}"
    seen: set[str] = set()
    for index, unit in enumerate(spec.units):
        if unit.id in departments:
            yield ("units", index, "id"), f"{unit.id!r} is a department; a unit has an id of its own"
        elif unit.id in seen:
            yield ("units", index, "id"), f"the id {unit.id!r} stands here a second time; ids must differ"
        seen.add(unit.id)


def _parents(spec: OrganisationFile, departments: frozenset[str]) -> Iterator[Mistake]:
    known = {*departments, *(unit.id for unit in spec.units)}
    for id_, place in spec.departments.items():
        if place.parent is not None and place.parent not in departments:
            yield (
                ("departments", id_, "parent"),
                f"there is no department {place.parent!r} to stand above {id_!r} 上级不存在; {hint(place.parent, departments)}",
            )
    for index, unit in enumerate(spec.units):
        if unit.parent not in known:
            yield (
                ("units", index, "parent"),
                f"there is no department or unit {unit.parent!r} to stand above {unit.id!r} 上级不存在; {hint(unit.parent, known)}",
            )


def _circles(parents: Mapping[str, str], where: Mapping[str, Location]) -> Iterator[Mistake]:
    """Told once for each circle, where it is closed."""
    good: set[str] = set()
    for start in parents:
        path: list[str] = []
        who: str | None = start
        while who is not None and who not in good and who not in path:
            path.append(who)
            who = parents.get(who)
        if who is not None and who in path:
            circle = path[path.index(who) :]
            yield (
                (*where[who], "parent"),
                f"{' < '.join([*circle, who])} stand above each other in a circle 上下级成环; mend one",
            )
        good.update(path)


def _served_twice(spec: OrganisationFile, departments: frozenset[str]) -> Iterator[Mistake]:
    parents, department_of = parents_of(spec), {id_: id_ for id_ in departments}

    def top(who: str) -> str:
        path: list[str] = []
        while who not in department_of and who in parents and who not in path:
            path.append(who)
            who = parents[who]
        found = department_of.get(who, who)
        department_of.update(dict.fromkeys(path, found))
        return found

    owner: dict[tuple[str, str], str] = {}
    for index, unit in enumerate(spec.units):
        for position, code in enumerate(unit.areas):
            first = owner.setdefault((top(unit.id), code), unit.id)
            if first != unit.id:
                yield (
                    ("units", index, "areas", position),
                    f"the area {code!r} has the unit {first!r} of the same department already 一格两主; keep one",
                )


def _areas_twice(spec: OrganisationFile) -> Iterator[Mistake]:
    desks: dict[str, str] = {}
    seats: dict[tuple[str, str], str] = {}
    for id_, place in spec.departments.items():
        for position, code in enumerate(place.areas):
            where: Location = ("departments", id_, "areas", position)
            if place.desk and desks.setdefault(code, id_) != id_:
                yield where, f"the area {code!r} has the desk {desks[code]!r} already 一地两台; keep one"
            elif (first := seats.setdefault((place.kind, code), id_)) != id_:
                yield (
                    where,
                    f"the area {code!r} has the {place.kind} {first!r} already 一地两主; keep one",
                )

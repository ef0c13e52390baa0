"""Learns who is responsible: a routing table that a person can read, from who was responsible.

The steps: find the areas by which departments divide the city among their queues (routes_zones); for each category grow the few
questions that tell its queues apart (routes_tree), about source, channel, attributes, areas, time and words (routes_columns,
routes_words); write the answers as ordered rows (routes_rows); for categories nobody knows yet, let words lead to a department.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hub.backtest.judging.names import slug
from hub.learn.departments import DepartmentIds
from hub.learn.history import History
from hub.learn.layers import AreaLayer
from hub.learn.routes.columns import LAYER, Column, columns_of, encode
from hub.learn.routes.fallback import fallback_rows
from hub.learn.routes.rows import rows
from hub.learn.routes.tree import Grower, Growth, Node, Target
from hub.learn.routes.words import Texts
from hub.learn.routes.zones import Zones, learn_zones
from hub.learn.rows import Drafted
from hub.millis import DAY_MS
from hub.policy.areas import Area
from hub.policy.models import Category, Name, Route
from hub.policy.reach import unreached
from hub.policy.space import Space

_SEPARATOR = "\x1f"
_NAMELESS = Name(en="-", zh="-")


@dataclass(frozen=True)
class RoutesDraft:
    """What a history says of routing: rows of routes.yaml in order, rows of its `fallback`, and learnt layers of areas."""

    routes: list[Drafted] = field(default_factory=list)
    fallback: list[Drafted] = field(default_factory=list)
    layers: list[AreaLayer] = field(default_factory=list)
    """To be written beside the given ones, and named under `layers` of city.yaml: rows refer to them."""
    notes: list[str] = field(default_factory=list)


def learn_routes(history: History, ids: DepartmentIds, growth: Growth | None = None) -> RoutesDraft:
    """The routing table behind `history`. Reports whose truth names no department are left out; queues may be null.

    Deterministic. Takes some 10 s for 60,000 reports of 160 categories on one core.
    """
    growth = growth or Growth()
    known = np.flatnonzero(history.department.is_valid().to_numpy(zero_copy_only=False))
    if not len(known):
        return RoutesDraft()
    history = history.take(known)
    departments, queues = history.department.to_pylist(), history.queue.to_pylist()
    pair = encode(
        "pair", "pair", [_SEPARATOR.join((one, queue or "")) for one, queue in zip(departments, queues, strict=True)]
    )
    named = [tuple(value.split(_SEPARATOR, 1)) for value in pair.values[1:]]
    department_of = {label: ids.of(department) for label, (department, _) in enumerate(named, start=1)}
    outcome = {label: (department_of[label], queue or None) for label, (_, queue) in enumerate(named, start=1)}
    target, weight = _target(history, pair, department_of, growth)
    category = encode("category", "category", history.category.to_pylist())
    zones = _zones(history, pair, department_of, category, weight)
    columns = columns_of(history)
    layers: list[AreaLayer] = []
    for found in zones:
        column, layer = _as_layer(found, history, outcome, taken={*history.areas, *(one.layer for one in layers)})
        columns.append(column)
        layers.append(layer)
    trees = _grow(history, category, target, weight, columns, growth)
    used = {(node.column.kind, node.column.name) for tree in trees.values() for node in _nodes(tree) if node.column}
    notes = [
        f"{layer.layer}: {len(layer.areas)} service areas learnt from where each queue's reports lie; "
        f"{found.purity:.1%} of these lie in their own queue's area. See them on a map before use. 推定责任区，须核对"
        for found, layer in zip(zones, layers, strict=True)
        if (LAYER, layer.layer) in used
    ]
    return RoutesDraft(
        routes=_reached(rows(trees, outcome), history, layers),
        fallback=fallback_rows(history, ids),
        layers=[layer for layer in layers if (LAYER, layer.layer) in used],
        notes=notes,
    )


def _target(
    history: History, pair: Column, department_of: dict[int, str], growth: Growth
) -> tuple[Target, npt.NDArray[np.float64]]:
    """What is to be learnt, and how much each report counts by its age."""
    opened = history.opened_ms.to_numpy(zero_copy_only=False)
    names = sorted(set(department_of.values()))
    numbers = np.array([-1, *(names.index(department_of[label]) for label in range(1, pair.size))])
    days = (opened - opened.min()) / DAY_MS
    weight = np.asarray(0.5 ** ((days.max() - days) / growth.half_life_days), np.float64)
    return Target(pair.codes.astype(np.int64), pair.size, numbers, len(names), days), weight


def _zones(
    history: History, pair: Column, department_of: dict[int, str], category: Column, weight: npt.NDArray[np.float64]
) -> list[Zones]:
    """How each department divides the city among its queues and, of those that do not, how they divide it among themselves."""
    lats, lons = (column.to_numpy(zero_copy_only=False) for column in (history.lat, history.lon))

    def learnt(name: str, labels: list[int]) -> Zones | None:
        mine = np.isin(pair.codes, labels)
        return learn_zones(name, pair.codes[mine], category.codes[mine], lats[mine], lons[mine], weight[mine])

    found, undivided = [], []
    for department in sorted(set(department_of.values())):
        labels = [label for label, one in department_of.items() if one == department]
        zones = learnt(department, labels)
        if zones is not None:
            found.append(zones)
        else:
            undivided += labels
    between = learnt("department", undivided)
    return found if between is None else [*found, between]


def _as_layer(
    zones: Zones, history: History, outcome: dict[int, tuple[str, str | None]], taken: set[str]
) -> tuple[Column, AreaLayer]:
    """A learnt division of the city, for the trees and as polygons."""
    name = slug(f"{zones.name}_service", 34)
    while name in taken:
        name = f"{name}_2"
    lats, lons = (column.to_numpy(zero_copy_only=False) for column in (history.lat, history.lon))
    codes = _distinct(
        [slug(outcome[queue][1] or outcome[queue][0]) or f"area_{at}" for at, queue in enumerate(zones.queues, start=1)]
    )
    named = dict(zip(zones.queues, codes, strict=True))
    areas = [Area(named[queue], outcome[queue][1] or outcome[queue][0], shape) for queue, shape in zones.polygons()]
    column = Column(LAYER, name, zones.find(lats, lons), ("", *codes), homes=(-1, *zones.queues))
    return column, AreaLayer(name, tuple(areas), "code")


def _distinct(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        number, wanted = 2, name
        while wanted in found:
            wanted, number = f"{name}_{number}", number + 1
        found.append(wanted)
    return found


def _grow(
    history: History,
    category: Column,
    target: Target,
    weight: npt.NDArray[np.float64],
    columns: list[Column],
    growth: Growth,
) -> dict[str, Node]:
    texts = Texts(history.title.to_pylist(), history.text.to_pylist(), history.label.to_pylist())

    def worth_asking(reports: npt.NDArray[np.int64]) -> list[Column]:
        words = texts.column(reports, target.label, weight)
        return columns if words is None else [*columns, words]

    grower = Grower(target, worth_asking, growth)
    return {
        category.values[code]: grower.grow(np.flatnonzero(category.codes == code)) for code in range(1, category.size)
    }


def _reached(drafted: list[Drafted], history: History, layers: list[AreaLayer]) -> list[Drafted]:
    """The rows without those that no report can reach: a policy folder may hold none of these, and all of them rest
    on no report."""
    routes = [each.row for each in drafted if isinstance(each.row, Route)]
    codes = {name: [code for code in column.unique().to_pylist() if code] for name, column in history.areas.items()}
    codes |= {layer.layer: [area.code for area in layer.areas] for layer in layers}
    categories = [Category(code=code, name=_NAMELESS, family="any") for code in history.category.unique().to_pylist()]
    space = Space([row.when for row in routes], categories, codes)
    never = unreached([space.row(row, unknown_category=False) for row in routes], space.domains)
    return [each for at, each in enumerate(drafted) if at not in never]


def _nodes(node: Node) -> list[Node]:
    below = [branch for _, branch in node.branches] + ([node.rest] if node.rest else [])
    return [node, *(each for one in below for each in _nodes(one))]

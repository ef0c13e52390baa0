"""A city's linking rows as columns: for each family a zone of the ground and the queries that a report of it makes there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hub.core.columns import Floats, Ints
from hub.core.linking.ground.geo import DEGREE_M
from hub.core.linking.ground.points import ZONES, Queries, height_of
from hub.core.linking.rules import FamilyRules, LinkTable, Tie

_SLACK = 1 + 1e-9


@dataclass(frozen=True, eq=False)
class Family:
    """A family as the index knows it. `zone` is None where its reports are never looked for by place."""

    number: int
    rules: FamilyRules | None
    zone: int | None
    height: float
    first: int
    """Index of its first row in the columns; it has `count` rows from there."""
    count: int


class Ties:
    """Families get their numbers as they are met. What would score less than its row wants is not even looked for."""

    def __init__(self, table: LinkTable) -> None:
        self._table = table
        self._families: dict[str | None, Family] = {}
        self.ties: list[Tie] = []
        self._rows: list[tuple[float, ...]] = []
        self._columns = np.zeros((0, 8))
        self._by_number = np.zeros((0, 4))

    def number(self, family: str | None) -> int:
        """The number by which `columns` refers to this family."""
        met = self._families.get(family)
        return met.number if met is not None else self._meet(family).number

    def columns(self, numbers: Ints) -> tuple[Ints, Ints, Ints, Floats]:
        """Of families by number: first row, count of rows, zone (-1: none), height."""
        if len(self._by_number) != len(self._families):
            rows = [(f.first, f.count, -1 if f.zone is None else f.zone, f.height) for f in self._families.values()]
            self._by_number = np.array(rows, dtype=np.float64)
        first, count, zone, height = self._by_number[numbers].T
        return first.astype(np.int64), count.astype(np.int64), zone.astype(np.int64), height

    def of(self, family: str | None) -> Family:
        return self._families.get(family) or self._meet(family)

    def _meet(self, family: str | None) -> Family:
        rules, number = self._table.of(family), len(self._families)
        placed = rules is not None and rules.radius_m > 0 and family is not None
        near = [tie for tie in rules.ties if tie.row.radius_m] if rules is not None else []
        height = height_of(rules.radius_m) if rules is not None else 1.0
        met = Family(number, rules, number % ZONES if placed else None, height, len(self.ties), len(near))
        self._families[family] = met  # before the others: two families may name each other
        self.ties += near
        self._rows += [()] * len(near)
        for at, tie in enumerate(near, met.first):
            held, row = self.of(tie.family), tie.row
            room = (1 - row.min_score) * _SLACK
            self._rows[at] = (
                float(held.zone or 0), held.height, row.radius_m, row.radius_m * room / DEGREE_M * 1.0001,
                tie.window_ms, tie.window_ms * room, tie.after_ms, row.min_score)  # fmt: skip
        return met

    def queries(self, row: Ints, first: Ints, count: Ints, lat: Floats, lon: Floats, at_ms: Ints) -> Queries:
        """What reports ask: each `count` queries, from `first` on; `row` names the report."""
        if len(self._columns) != len(self._rows):
            self._columns = np.array(self._rows, dtype=np.float64)
        report = np.arange(len(row)).repeat(count)
        tie = np.arange(len(report)) + np.repeat(first - (count.cumsum() - count), count)
        zone, height, radius_m, degrees, window_ms, span_ms, after_ms, min_score = self._columns[tie].T
        return Queries(
            row=row[report],
            zone=zone.astype(np.int64),
            lat=lat[report],
            lon=lon[report],
            at_ms=at_ms[report],
            radius_m=radius_m,
            degrees=degrees,
            height=height,
            window_ms=window_ms,
            span_ms=span_ms,
            after_ms=after_ms,
            min_score=min_score,
            tie=tie,
        )

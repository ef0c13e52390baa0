"""Whether the orders a contender committed are the ones the data calls for: all of them, each once, each right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro
import xxhash

from loadtests.job.events import Truth, number_of
from loadtests.job.rules import Rules
from loadtests.job.work import HEADER_BYTES, header_of, newest


@dataclass(frozen=True)
class Verdict:
    """Counts of orders. Only `good` counts as a result."""

    expected: int
    counted: int
    missing: int
    doubled: int
    wrong: int
    """Another department, rule, due time, key or event than the data calls for, or no order at all."""
    first_wrong: str | None

    @property
    def good(self) -> bool:
        return not (self.missing or self.doubled or self.wrong)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"good": self.good}


class Checker:
    """Takes a contender's output in any order and any portions."""

    def __init__(self, rules: Rules, truth: Truth) -> None:
        self._rules, self._truth = rules, truth
        self._schema = newest("Order")[1].read_text("utf-8")
        self._header = header_of("Order")
        self._times = np.zeros(truth.orders, np.uint8)
        self._wrong = 0
        self._found = 0
        self._first_wrong: str | None = None
        routes = [rules.route(category, area) for category in rules.categories for area in rules.areas]
        self._departments, self._rows = (pa.array(column) for column in zip(*routes, strict=True))
        self._areas = pa.array(rules.areas)
        limits = [rules.limits[category] for category in rules.categories]
        self._policies = pa.array([limit.policy for limit in limits])
        self._minutes = np.array([limit.minutes for limit in limits], np.int64)
        self._office = np.array([limit.office for limit in limits])
        spans = np.array(rules.spans, np.int64)
        self._opens, self._after = spans[:, 0], np.cumsum(spans[:, 1] - spans[:, 0])
        self._before = self._after - (spans[:, 1] - spans[:, 0])

    @property
    def distinct(self) -> int:
        """Orders of different events found so far."""
        return int(np.count_nonzero(self._times))

    def add(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Records of the output topic, committed."""
        self._found += len(values)
        framed = [(key, value) for key, value in zip(keys, values, strict=True) if value.startswith(self._header)]
        self._note(len(values) - len(framed), "a record that is not a framed order")
        if not framed:
            return
        try:
            batch = pyruhvro.deserialize_array([value[HEADER_BYTES:] for _, value in framed], self._schema)
        except ValueError as error:
            self._note(len(framed), f"orders that cannot be decoded: {error}")
            return
        case_ids: list[str] = batch.column("case_id").to_pylist()
        numbers = np.fromiter((number_of(key) for key, _ in framed), np.int64, len(framed))
        known = (numbers >= 0) & (numbers < self._truth.orders)
        self._note(int((~known).sum()), "an order of an event that was never sent")
        keyed = np.fromiter(
            (key == case_id.encode() for (key, _), case_id in zip(framed, case_ids, strict=True)), np.bool_, len(framed)
        )
        self._note(int((~keyed).sum()), "an order that is not keyed by its case")
        rows = np.flatnonzero(known)
        np.add.at(self._times, numbers[rows], 1)
        self._compare(batch.take(pa.array(rows)), numbers[rows], [framed[row][1] for row in rows.tolist()])

    def verdict(self) -> Verdict:
        return Verdict(
            expected=self._truth.orders,
            counted=self._found,
            missing=int((self._times == 0).sum()),
            doubled=int((self._times > 1).sum()),
            wrong=self._wrong,
            first_wrong=self._first_wrong,
        )

    def _compare(self, batch: pa.RecordBatch, numbers: np.ndarray, values: list[bytes]) -> None:
        lengths = self._truth.length[numbers].tolist()
        bodies = [value[-length:] for value, length in zip(values, lengths, strict=True)]
        digest = np.fromiter(map(xxhash.xxh3_64_intdigest, bodies), np.uint64, len(bodies))
        self._each(digest == self._truth.digest[numbers], numbers, "does not end with its event, unchanged")
        wanted = self._wanted(numbers)
        for name, values_wanted in wanted.items():
            right = pc.fill_null(pc.equal(batch.column(name), values_wanted), False)
            self._each(right.to_numpy(zero_copy_only=False), numbers, f"has another {name} than the data calls for")
        deadlines = batch.column("deadlines")
        one = pc.equal(pc.list_value_length(deadlines), 1).to_numpy(zero_copy_only=False)
        self._each(one, numbers, "has not exactly one due time")
        if one.all():
            due = deadlines.flatten()
            category, opened_ms = self._truth.category[numbers], self._truth.opened_ms[numbers]
            self._each(
                due.field("due_at").cast("int64").to_numpy() == self._due_ms(category, opened_ms),
                numbers,
                "has a wrong due time",
            )
            self._each(
                pc.equal(due.field("policy"), self._policies.take(pa.array(category))).to_numpy(zero_copy_only=False),
                numbers,
                "names another deadline rule",
            )

    def _wanted(self, numbers: np.ndarray) -> dict[str, pa.Array]:
        area = self._truth.area[numbers].astype(np.int64)
        place = pa.array(self._truth.category[numbers].astype(np.int64) * len(self._rules.areas) + area)
        return {
            "department": self._departments.take(place),
            "rule": self._rows.take(place),
            "area": self._areas.take(pa.array(area)),
            "kind": pa.repeat(pa.scalar("ASSIGN"), len(numbers)),
        }

    def _due_ms(self, category: np.ndarray, opened_ms: np.ndarray) -> np.ndarray:
        minutes = self._minutes[category] * 60_000
        opens, before, after = self._opens, self._before, self._after
        at = np.searchsorted(opens, opened_ms, side="right") - 1
        wanted = before[at] + np.minimum(opened_ms - opens[at], after[at] - before[at]) + minutes
        end = np.searchsorted(after, wanted, side="left")
        due: np.ndarray = np.where(self._office[category], opens[end] + wanted - before[end], opened_ms + minutes)
        return due

    def _each(self, right: np.ndarray, numbers: np.ndarray, what: str) -> None:
        bad = np.flatnonzero(~right)
        if bad.size:
            self._note(int(bad.size), f"order {numbers[bad[0]]} {what}")

    def _note(self, count: int, what: str) -> None:
        self._wrong += count
        if count and self._first_wrong is None:
            self._first_wrong = what

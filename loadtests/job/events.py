"""The data of the job: seeded case events as framed Avro, one in twenty an exact repeat, and what must come of them.

Made in blocks, so that memory does not grow with the data but for 22 bytes of truth an event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyruhvro
import xxhash

from loadtests.job.city import centre_of
from loadtests.job.rules import Rules
from loadtests.job.work import HEADER_BYTES, header_of, newest

BASE_MS = 1_772_409_600_000  # 2026-03-02 00:00 UTC, a Monday
_STEP_MS = 250
_SPAN_MS = 60 * 86_400_000
SOURCES = ("hotline", "citymgmt", "police", "petition")
_PREFIX = ("HL", "CG", "JJ", "XF")
_SHARES = (0.55, 0.25, 0.15, 0.05)
_URGENCIES = ("ROUTINE", "PROMPT", "URGENT", "EMERGENCY")
_KEPT_EVERY = 100  # one event in so many may be repeated long after
_RECENT = 2000
_TEXTS = (
    "公交站前路面有深坑，雨后积水，行人绕行不便，望尽快修补。 A deep hole in front of the bus stop.",
    "路灯连续三晚不亮，老人出行不安全，请尽快检修。 The street light has been out for three nights.",
    "小区门口垃圾堆积多日，气味大，蚊蝇多，请派人清运。 Rubbish has piled up at the gate and smells.",
    "夜间施工噪声扰民，影响休息，请有关部门核实处理。 Night construction work keeps the whole block awake.",
    "井盖松动，车辆经过有响声，存在安全隐患。 A loose manhole cover rattles whenever a car drives over it.",
    "自来水水压低，高层住户用水困难，已持续两天。 Water pressure is too low on the upper floors.",
    "占道经营，人行道无法通行，行人只能走机动车道。 Stalls block the footway and people walk on the road.",
    "树枝压住电线，担心刮风时断落，请尽快修剪。 A branch leans on a cable and may fall in the next wind.",
)
_HOUSES = 400
_ADDRESSES = pa.array([f"海棠路{house + 1}号 {house + 1} Haitang Road" for house in range(_HOUSES)])
_TITLES = pa.array([f"市民来电 Report from number {house + 1}" for house in range(_HOUSES)])


@dataclass(frozen=True)
class Block:
    """Framed events with their keys, in the order they are sent."""

    keys: list[bytes]
    values: list[bytes]


@dataclass
class Truth:
    """What a contender must make of the data. Arrays by number of the first sighting; `records` counts repeats too."""

    records: int = 0
    category: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    area: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    opened_ms: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    digest: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    """xxh3-64 of the event without its framing."""
    length: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint16))
    checksum: int = 0
    """The sum of the digests of all that was sent, repeats too, modulo 2**64."""

    @property
    def orders(self) -> int:
        """First sightings: one order each."""
        return len(self.length)

    def save(self, path: Path) -> None:
        """As one file, for another process; without the checksum."""
        np.savez(
            path, records=self.records, category=self.category, area=self.area, opened_ms=self.opened_ms, digest=self.digest,
            length=self.length,
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> Truth:
        """What `save` wrote."""
        with np.load(path) as kept:
            return cls(
                int(kept["records"]), kept["category"], kept["area"], kept["opened_ms"], kept["digest"], kept["length"]
            )


class Events:
    """An endless seeded stream. Number n of a seed is always the same event, whatever the block size is not: keep it equal.

    `late`: how many earlier events are kept that may come again late, the newest; None: no limit.
    """

    def __init__(
        self, rules: Rules, seed: int, *, repeats: float = 0.05, block: int = 20_000, late: int | None = None
    ) -> None:
        self._rules = rules
        self._draw = np.random.default_rng(seed)
        self._repeats = repeats
        self._late = late
        self._block = block
        self._schema = _schema_text()
        self._arrow = pyruhvro.avro_to_arrow_schema(self._schema)
        self._header = header_of("CaseEvent")
        self._weights = 1 / np.arange(1, len(rules.categories) + 1) ** 0.7
        self._weights /= self._weights.sum()
        self._centres = np.array([centre_of(number) for number in range(len(rules.areas))])
        self._areas, self._categories = pa.array(rules.areas), pa.array(rules.categories)
        self._made = 0
        self._kept: list[tuple[bytes, bytes]] = []
        self._parts: list[Truth] = []
        self._checksum = 0
        self.records = 0

    def blocks(self, records: int) -> Iterator[Block]:
        """The next `records` events."""
        left = records
        while left > 0:
            block = self.make(min(left, self._block))
            left -= len(block.keys)
            yield block

    def make(self, records: int, opened_ms: int | None = None) -> Block:
        """One block. With `opened_ms` all its events are reported at that instant: live data."""
        again = self._draw.random(records) < self._repeats
        if not self._made:
            again[0] = False
        fresh = int((~again).sum())
        keys, values = self._fresh(fresh, opened_ms)
        self.records += records
        sent_keys, sent_values = [], []
        at = 0
        pick, far = self._draw.random(records), self._draw.random(records) < 0.2
        for row, repeat in enumerate(again.tolist()):
            if not repeat:
                sent_keys.append(keys[at])
                sent_values.append(values[at])
                at += 1
                continue
            if at and not (far[row] and self._kept):
                old = at - 1 - int(pick[row] * min(at, _RECENT))
                key, value = keys[old], values[old]
            else:
                key, value = self._kept[int(pick[row] * len(self._kept))]
            sent_keys.append(key)
            sent_values.append(value)
        self._kept += list(zip(keys[::_KEPT_EVERY], values[::_KEPT_EVERY], strict=True))
        if self._late is not None:
            del self._kept[: -self._late]
        self._checksum += sum(xxhash.xxh3_64_intdigest(body_of(value)) for value in sent_values)
        return Block(sent_keys, sent_values)

    def truth(self) -> Truth:
        """Of all that was made so far."""
        parts = self._parts or [Truth()]
        return Truth(
            records=self.records,
            category=np.concatenate([part.category for part in parts]),
            area=np.concatenate([part.area for part in parts]),
            opened_ms=np.concatenate([part.opened_ms for part in parts]),
            digest=np.concatenate([part.digest for part in parts]),
            length=np.concatenate([part.length for part in parts]),
            checksum=self._checksum % 2**64,
        )

    def _fresh(self, count: int, opened_ms: int | None) -> tuple[list[bytes], list[bytes]]:
        draw, rules = self._draw, self._rules
        numbers = np.arange(self._made, self._made + count)
        self._made += count
        category = draw.choice(len(rules.categories), count, p=self._weights)
        area = draw.integers(len(rules.areas), size=count)
        opened = (
            BASE_MS + (numbers * _STEP_MS + draw.integers(_STEP_MS, size=count)) % _SPAN_MS
            if opened_ms is None
            else np.full(count, opened_ms)
        )
        columns, refs = self._columns(numbers, category, area, opened)
        batch = pa.RecordBatch.from_arrays([columns[name] for name in self._arrow.names], schema=self._arrow)
        (encoded,) = pyruhvro.serialize_record_batch(batch, self._schema, 1)
        bodies: list[bytes] = encoded.to_pylist()
        self._parts.append(
            Truth(
                0, category.astype(np.uint8), area.astype(np.uint8), opened.astype(np.int64),
                np.fromiter(map(xxhash.xxh3_64_intdigest, bodies), np.uint64, count),
                np.fromiter(map(len, bodies), np.uint16, count),
            )
        )  # fmt: skip
        header = self._header
        return [ref.encode() for ref in refs], [header + body for body in bodies]

    def _columns(
        self, numbers: np.ndarray, category: np.ndarray, area: np.ndarray, opened: np.ndarray
    ) -> tuple[dict[str, Any], list[str]]:
        draw, count = self._draw, len(numbers)
        source = draw.choice(len(SOURCES), count, p=_SHARES)
        house = draw.integers(0, _HOUSES, size=count)
        refs = [
            f"{_PREFIX[s]}20260302{number:010d}" for s, number in zip(source.tolist(), numbers.tolist(), strict=True)
        ]
        points = np.round(self._centres[area] + draw.uniform(-0.2, 0.2, (count, 2)), 5)
        place = pa.StructArray.from_arrays(
            [
                self._areas.take(pa.array(area)), pa.nulls(count, pa.string()), pa.array(points[:, 0]), pa.array(points[:, 1]),
                _same("EPSG:4326", count), _ADDRESSES.take(pa.array(house)),
            ],
            fields=list(self._arrow.field("place").type),
        )  # fmt: skip
        nothing = np.zeros(count + 1, np.int32)
        times = self._arrow.field("reported_at").type
        attachment, attribute = self._arrow.field("attachments").type, self._arrow.field("attributes").type
        return {
            "source": pa.array(SOURCES).take(pa.array(source)),
            "source_ref": pa.array(refs),
            "revision": pa.array(np.zeros(count, np.int32)),
            "revision_counted": pa.repeat(True, count),
            "kind": _same("OPENED", count),
            "occurred_at": pa.array(opened - 60_000 * (1 + house)).cast(times),
            "reported_at": pa.array(opened).cast(times),
            "category": self._categories.take(pa.array(category)),
            "category_label": pa.nulls(count, pa.string()),
            "urgency": pa.array(_URGENCIES).take(pa.array(draw.choice(4, count, p=(0.7, 0.2, 0.08, 0.02)))),
            "place": place,
            "title": _TITLES.take(pa.array(house)),
            "text": pa.array(_TEXTS).take(pa.array(draw.integers(len(_TEXTS), size=count))),
            "channel": _same("phone", count),
            "attachments": pa.ListArray.from_arrays(
                pa.array(nothing), pa.array([], attachment.value_type), type=attachment
            ),
            "due_at": pa.nulls(count, times),
            "attributes": pa.MapArray.from_arrays(
                pa.array(np.arange(count + 1, dtype=np.int32)),
                _same("渠道", count),
                _same("热线", count),
                type=attribute,
            ),
        }, refs


def _same(text: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), count)


def number_of(ref: bytes) -> int:
    """The event's number in the stream, from its reference or its case id."""
    return int(ref[-10:])


def source_of(ref: bytes) -> str:
    """Whose event it is, by its reference."""
    return SOURCES[_PREFIX.index(ref[:2].decode())]


def body_of(value: bytes) -> bytes:
    return value[HEADER_BYTES:]


def _schema_text() -> str:
    return newest("CaseEvent")[1].read_text("utf-8")

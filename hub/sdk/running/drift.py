"""Columns that come or go against what a mapping expects: seen by name, counted, and said once. No I/O but the log.

What comes and is not read may be news that nobody gets; what goes leaves a field empty, or no row usable. Optional columns may stay
away, and those listed under `unread` may be there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, KeysView
from dataclasses import dataclass, field

from hub.metrics import EDGE_DRIFT
from hub.sdk.mapping.mapping import Mapping
from hub.sdk.running.status import Board

_log = logging.getLogger(__name__)
_GONE_ITEMS = 100
"""A column that so many items in a row do not have is gone. A system that leaves fields out where they are empty has gaps."""
_REQUIRED_ITEMS = 20
"""The same of a column without which no item can be used."""
_MOST_NAMES = 50
_PLAIN = re.compile(r"[^\W\d](?:[\w .()\[\]/-]{0,59})")
_DIGITS = re.compile(r"\d{5}")
APPEARED, VANISHED = "appeared", "vanished"


def column_label(column: str) -> str:
    """A column's name for people. Where a system has keys for names, one may be a person's or a number's: then it is not shown."""
    return repr(column) if _PLAIN.fullmatch(column) and not _DIGITS.search(column) else "one whose name is not shown"


def _within(column: str) -> list[str]:
    """The objects that a column is in, by their names."""
    parts = column.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


@dataclass
class _Expected:
    """Of one mapping. `readers`: by column, the fields that are made of it.

    A column may be within an object (`place.lat`): where that is empty, its own name comes (`place`).
    """

    expected: frozenset[str]
    objects: tuple[str, ...]
    readers: dict[str, list[str]]
    required: frozenset[str]
    absent: dict[str, int] = field(default_factory=dict)
    """Of expected columns, how many items in a row did not have them."""

    @classmethod
    def of(cls, mapping: Mapping) -> _Expected:
        must, event = mapping.file_columns(), mapping.event
        required = frozenset({*event.source_ref.columns(), *event.reported_at.columns()} & must)
        known = mapping.columns()
        return cls(
            frozenset(known).union(*map(_within, known)),
            tuple(f"{each}." for each in known),
            {column: mapping.readers(column) for column in sorted(must)},
            required,
        )

    def strange(self, column: str) -> bool:
        return column not in self.expected and not column.startswith(self.objects)

    def missed(self, columns: Collection[str], items: int) -> list[str]:
        """Those that are gone by now, after so many items more with these columns."""
        absent = [
            each for each in self.readers if each not in columns and not any(map(columns.__contains__, _within(each)))
        ]
        self.absent = {each: self.absent.get(each, 0) + items for each in absent}
        return [
            each
            for each, count in self.absent.items()
            if count >= (_REQUIRED_ITEMS if each in self.required else _GONE_ITEMS)
        ]


class ColumnDrift:
    """Of one edge, while it runs. `mapping` gives a declared mapping by name, None for the edge's own.
    `adds`: how names begin of columns that the source adds by itself; `reads`: those that it goes by itself."""

    def __init__(
        self,
        mapping: Callable[[str | None], Mapping],
        board: Board,
        adds: tuple[str, ...] = (),
        reads: frozenset[str] = frozenset(),
    ) -> None:
        self._mapping, self._board, self._adds, self._reads = mapping, board, adds, reads
        self._expected: dict[str | None, _Expected] = {}
        self._last: tuple[str | None, KeysView[str] | None] = (None, None)
        self.appeared: set[str] = set()
        self.vanished: dict[str, list[str]] = {}
        """By column, the fields that are read from it."""
        self._show()

    def note(self, mapping: str | None, columns: KeysView[str], items: int = 1) -> str | None:
        """So many items of a mapping have these columns. Why the edge has to stop, if one is gone that each needs."""
        if self._last == (mapping, columns):
            return None
        expected = self._expected.get(mapping) or self._expected.setdefault(
            mapping, _Expected.of(self._mapping(mapping))
        )
        news = self._come([each for each in columns if expected.strange(each) and not self._is_the_sources(each)])
        gone = expected.missed(columns, items)
        news |= self._gone({each: expected.readers[each] for each in gone})
        news |= self._back(columns & self.vanished.keys())
        if news:
            self._show()
        self._last = (mapping, columns) if not expected.absent else (None, None)
        lost = sorted(expected.required & set(gone))
        return f"column {column_label(lost[0])} is gone, {self._read_by(expected.readers[lost[0]])}" if lost else None

    def _is_the_sources(self, column: str) -> bool:
        return column in self._reads or column.startswith(self._adds)

    def _come(self, columns: Collection[str]) -> bool:
        new = [each for each in columns if each not in self.appeared][: _MOST_NAMES - len(self.appeared)]
        for column in new:
            self.appeared.add(column)
            self._say(f"column {column_label(column)} is not in the mapping: map it, or list it there under `unread`")
        return bool(new)

    def _gone(self, columns: dict[str, list[str]]) -> bool:
        new = columns.keys() - self.vanished.keys()
        for column in sorted(new):
            self._say(
                f"column {column_label(column)} does not come any more, {self._read_by(columns[column])}; ask who runs the system, "
                "or list it in the mapping under `optional_columns`"
            )
        self.vanished |= columns
        return bool(new)

    def _back(self, columns: Collection[str]) -> bool:
        for column in sorted(columns):
            del self.vanished[column]
            self._say(f"column {column_label(column)} is there again")
        return bool(columns)

    def _read_by(self, fields: list[str]) -> str:
        return f"from which {', '.join(fields)} {'is' if len(fields) == 1 else 'are'} read"

    def _say(self, what: str) -> None:
        _log.warning("%s: drift 字段变化: %s", self._board.status.name, what)

    def _show(self) -> None:
        name = self._board.status.name
        EDGE_DRIFT.labels(name, APPEARED).set(len(self.appeared))
        EDGE_DRIFT.labels(name, VANISHED).set(len(self.vanished))
        self._board.drift(sorted(map(column_label, self.appeared)), sorted(map(column_label, self.vanished)))

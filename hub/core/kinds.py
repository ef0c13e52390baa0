"""Reports come in few kinds: what rules ask of them is the same for many, so each kind is decided once and looked up after."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa

from hub.core.columns import Rows

Kind = tuple[str | None, ...]
_T = TypeVar("_T")
_CODE_BITS = 16
_MOST_COLUMNS = 64 // _CODE_BITS
_REMEMBERED = 200_000


class ByKind(Generic[_T]):
    """Answers that depend on up to four columns of text alone, remembered from chunk to chunk.

    `decide` is asked once for each kind, in the order of the columns; equal answers, by `key`, are kept once. A kind is a
    number of four codes, and the known ones lie in order, so that a chunk is looked up in one go.
    """

    def __init__(self, decide: Callable[[list[Kind]], Iterable[_T]], key: Callable[[_T], Hashable]) -> None:
        self._decide, self._key = decide, key
        self._forget()

    def _forget(self) -> None:
        self.answers: list[_T] = []
        """The different ones so far. What `of` has given refers to this list, which only grows until it is made anew."""
        self._place: dict[Hashable, int] = {}
        self._codes: list[dict[str | None, int]] = [{None: 0} for _ in range(_MOST_COLUMNS)]
        self._known: Rows = np.zeros(0, dtype=np.int64)
        self._answer: Rows = np.zeros(0, dtype=np.int64)

    def of(self, columns: Sequence[pa.Array]) -> Rows:
        """For each row the position of its answer in `answers`."""
        if len(self._known) > _REMEMBERED or any(len(codes) > 1 << (_CODE_BITS - 2) for codes in self._codes):
            self._forget()
        number = self._numbers(columns)
        place = np.searchsorted(self._known, number)
        new = np.ones(len(number), dtype=np.bool_)
        inside = place < len(self._known)
        new[inside] = self._known[place[inside]] != number[inside]
        if new.any():
            self._learn(columns, number, np.flatnonzero(new))
            place = np.searchsorted(self._known, number)
        return self._answer[place]

    def _numbers(self, columns: Sequence[pa.Array]) -> Rows:
        number: Rows = np.zeros(len(columns[0]), dtype=np.int64)
        for at, (column, codes) in enumerate(zip(columns, self._codes, strict=False)):
            encoded = column.dictionary_encode()
            texts = [*encoded.dictionary.to_pylist(), None]
            code = np.array([codes.setdefault(text, len(codes)) for text in texts], dtype=np.int64)
            indices = encoded.indices.fill_null(-1).to_numpy()
            number |= code[indices] << (_CODE_BITS * at)
        return number

    def _learn(self, columns: Sequence[pa.Array], number: Rows, rows: Rows) -> None:
        kinds, first = np.unique(number[rows], return_index=True)
        chosen = pa.array(rows[first])
        asked = list(zip(*(column.take(chosen).to_pylist() for column in columns), strict=True))
        places = []
        for answer in self._decide(asked):
            key = self._key(answer)
            if key not in self._place:
                self._place[key] = len(self.answers)
                self.answers.append(answer)
            places.append(self._place[key])
        known = np.concatenate([self._known, kinds])
        order = np.argsort(known)
        self._known = known[order]
        self._answer = np.concatenate([self._answer, np.array(places, dtype=np.int64)])[order]

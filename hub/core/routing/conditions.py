"""What route rows ask of a report, each question answered once: reports with equal answers get equal decisions.

The answers to a table's questions are the key under which its decision is remembered, so they are few by construction: a value
that no row names reads as None, an hour as the slot between two hours that rows name, a text as the keywords found in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from hub.core.calendars.localtime import LocalTime, weekday
from hub.core.report import Sighting
from hub.policy.city import City, fold, label_key
from hub.policy.models import MAIN_LAYER, WEEKDAYS, Exit, Owners, Route, RouteWhen, parse_span

UNKNOWN = -1
"""The slot of an instant that is not known: no condition on time holds."""

_SHORT, _REMEMBERED = 200, 20_000
ELSEWHERE = "an area that no row names"

RouteRow = Route | Exit
Question = tuple[str, ...]
"""The kind of question, and the layer or attribute it is about."""
ASKS_SOURCE, ASKS_URGENCY, ASKS_PLACED, ASKS_AREA = ("source",), ("urgency",), ("placed",), ("layer", MAIN_LAYER)
BASE: tuple[Question, ...] = (ASKS_SOURCE, ASKS_URGENCY, ASKS_PLACED, ASKS_AREA)
"""What is asked of every report, in this order at the start of every key."""

_EPOCH = date(1970, 1, 1)


class Test(NamedTuple):
    """The answer at `place` of the key is one of `accepted` or, where the answer is a set, has one of them."""

    place: int
    accepted: frozenset[Hashable]
    is_set: bool

    def holds(self, key: tuple[Hashable, ...]) -> bool:
        answer = key[self.place]
        if self.is_set:
            assert isinstance(answer, frozenset)
            return not self.accepted.isdisjoint(answer)
        return answer in self.accepted


@dataclass(frozen=True)
class Asked:
    """The report that is asked, with the areas it lies in beside the main one."""

    seen: Sighting
    layers: Mapping[str, str | None]


Ask = Callable[[Asked], Hashable]


class Questions:
    """The questions that some rows ask beyond the base, and the tests of each row over the answers."""

    def __init__(self, rows: Iterable[RouteRow], city: City, clock: Callable[[], LocalTime]) -> None:
        self._rows = list(rows)
        self._owners = city.owners
        self._main = city.main_layer
        self._areas_of, self._served = city.areas_of, city.served_by
        self._clock = clock
        whens = [row.when for row in self._rows]
        self._named: dict[Question, set[str]] = {}
        self._bounds: dict[Question, list[int]] = {}
        for when in whens:
            self._note(when)
        if any(isinstance(row, Route) and row.to_owner for row in self._rows):
            self._named.setdefault(("owner",), set())
        self._note_time(whens)
        more = sorted({*self._named, *self._bounds} - set(BASE))
        self.asked: tuple[Question, ...] = (*BASE, *more)
        self._index = {question: index for index, question in enumerate(self.asked)}
        self.asks: tuple[Ask, ...] = tuple(self._ask(question) for question in more)
        self.layers: tuple[str, ...] = tuple(question[1] for question in more if question[0] == "layer")

    def tests(self, row: RouteRow) -> tuple[Test, ...]:
        """All must hold for `row` to take a report of its category."""
        when = row.when
        found: list[Test] = []
        for question, values in self._named_by(when).items():
            is_set = question[0] in ("keywords", "address")
            accepted: frozenset[Hashable] = frozenset(map(_answer(question), values))
            if question == ASKS_AREA:
                accepted = self._areas_of(values)
            found.append(Test(self._index[question], accepted, is_set))
        if isinstance(row, Route) and row.to_owner:
            assert self._owners is not None
            found.append(Test(self._index[("owner",)], frozenset(self._owners.departments.values()), False))
        if isinstance(row, Route) and row.to_area is not None:
            found.append(Test(self._index[ASKS_AREA], self._areas_of(self._served(row.to_area)), False))
        if when.placed is not None:
            found.append(Test(self._index[ASKS_PLACED], frozenset([when.placed]), False))
        if when.weekdays is not None:
            days = frozenset(WEEKDAYS.index(day) for day in when.weekdays)
            found.append(Test(self._index[("weekday",)], days, False))
        if when.hours is not None:
            spans = [parse_span(span) for span in when.hours]
            found.append(self._slots(("minute",), spans))
        if row.effective_from is not None or row.effective_until is not None:
            first = 0 if row.effective_from is None else _day(row.effective_from)
            end = 1 << 40 if row.effective_until is None else _day(row.effective_until)
            found.append(self._slots(("day",), [(first, end)]))
        return tuple(found)

    # -- which questions ---------------------------------------------------------------------------------------------

    def _note(self, when: RouteWhen) -> None:
        for question, values in self._named_by(when).items():
            self._named.setdefault(question, set()).update(map(_answer(question), values))

    def _note_time(self, whens: list[RouteWhen]) -> None:
        minutes = {minute for when in whens for span in when.hours or () for minute in parse_span(span)}
        days = {_day(one) for row in self._rows for one in (row.effective_from, row.effective_until) if one is not None}
        if minutes:
            self._bounds[("minute",)] = sorted(minutes)
        if days:
            self._bounds[("day",)] = sorted(days)
        if any(when.weekdays for when in whens):
            self._bounds[("weekday",)] = []

    def _slots(self, question: Question, spans: list[tuple[int, int]]) -> Test:
        bounds = self._bounds[question]
        starts = [-1, *bounds]
        slots = [slot for slot, start in enumerate(starts) if any(first <= start < end for first, end in spans)]
        if question == ("day",) and any(first == 0 for first, _ in spans):
            slots.append(0)
        return Test(self._index[question], frozenset(slots), False)

    def _named_by(self, when: RouteWhen) -> dict[Question, tuple[str, ...]]:
        """The values that a row's conditions name, by question; category, family and time aside."""
        plain = {
            ASKS_SOURCE: when.source, ASKS_URGENCY: when.urgency, ("channel",): when.channel, ("owner",): when.owner,
            ("keywords",): when.keywords, ("address",): when.address,
        }  # fmt: skip
        found: dict[Question, tuple[str, ...]] = {
            question: tuple(values) for question, values in plain.items() if values is not None
        }
        found |= {ASKS_AREA if layer == self._main else ("layer", layer): codes for layer, codes in when.layers.items()}
        found |= {("attribute", name): values for name, values in (when.attribute or {}).items()}
        return found

    # -- how they are answered -----------------------------------------------------------------------------------------

    def _ask(self, question: Question) -> Ask:
        kind, known = question[0], frozenset(self._named.get(question, ()))
        if kind == "layer":
            layer = question[1]
            return lambda asked: _area(asked.layers.get(layer), known)
        if kind == "attribute":
            name = question[1]
            return lambda asked: _if_named(_folded(asked.seen.attributes.get(name)), known)
        if kind == "channel":
            return lambda asked: _if_named(_remembered_key(asked.seen.channel), known)
        if kind == "owner":
            return lambda asked: owner_of(self._owners, asked.seen.attributes)
        if kind == "keywords":
            find = _Finder(known)
            return lambda asked: find(asked.seen.title) | find(asked.seen.text) | find(asked.seen.label)
        if kind == "address":
            find = _Finder(known)
            return lambda asked: find(asked.seen.address)
        return self._ask_time(kind, self._bounds[question])

    def _ask_time(self, kind: str, bounds: list[int]) -> Ask:
        clock = self._clock()

        def ask(asked: Asked) -> int:
            if asked.seen.opening_ms <= 0:
                return UNKNOWN
            day, minute = clock.day_and_minute(asked.seen.opening_ms)
            if kind == "weekday":
                return weekday(day)
            return bisect_right(bounds, minute if kind == "minute" else day)

        return ask


def owner_of(owners: Owners | None, attributes: Mapping[str, str]) -> str | None:
    """The department that owns the facility a report is about, or None where that is not known."""
    name = attributes.get(owners.attribute) if owners is not None else None
    if owners is None or not name:
        return None
    exact = owners.departments.get(name)
    if exact is not None:
        return exact
    fits = [key for key in owners.departments if key.endswith("*") and name.startswith(key[:-1])]
    return owners.departments[max(fits, key=len)] if fits else None


def _answer(question: Question) -> Callable[[str], str]:
    """How a value in the policy is written to be compared."""
    return (lambda value: value) if question[0] in ("source", "urgency", "layer", "owner") else label_key


def _area(code: str | None, named: frozenset[str]) -> str | None:
    """To be in an area that no row names is not to be outside every area."""
    return code if code is None or code in named else ELSEWHERE


def _if_named(value: str | None, named: frozenset[str]) -> str | None:
    return value if value in named else None


def _folded(value: str | None) -> str | None:
    return None if value is None else _remembered_key(value)


_remembered_key = lru_cache(maxsize=50_000)(label_key)


class _Finder:
    """Which of some words a text holds. Titles and labels come again and again: what was found in short texts is remembered."""

    def __init__(self, words: frozenset[str]) -> None:
        self._words = words
        self._remembered: dict[str | None, frozenset[str]] = {"": frozenset(), None: frozenset()}

    def __call__(self, text: str | None) -> frozenset[str]:
        found = self._remembered.get(text)
        if found is None:
            assert text is not None
            folded = fold(text)
            found = frozenset(word for word in self._words if word in folded)
            if len(text) <= _SHORT:
                if len(self._remembered) >= _REMEMBERED:
                    self._remembered = {"": frozenset(), None: frozenset()}
                self._remembered[text] = found
        return found


def _day(value: date) -> int:
    return (value - _EPOCH).days

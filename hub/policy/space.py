"""The conditions of policy rows as boxes over finite dimensions, for the proof that every row can be reached."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import date

from hub.policy.city import fold, label_key
from hub.policy.divisions import Divisions
from hub.policy.models import (
    MAIN_LAYER,
    URGENCIES,
    WEEKDAYS,
    Category,
    DeadlineWhen,
    Exit,
    Owners,
    Route,
    RouteWhen,
    When,
    parse_span,
)
from hub.policy.reach import ELSE, NO, YES, Box, Dimension, any_word, product

_EARLIEST, _LATEST = date.min.toordinal(), date.max.toordinal() + 1


class Space:
    """All that the rows of one table can tell apart. `category` None stands for one that nobody knows."""

    def __init__(
        self,
        whens: Sequence[When | RouteWhen],
        categories: Sequence[Category],
        layers: Mapping[str, Iterable[str]],
        owners: Owners | None = None,
        dates: Iterable[date | None] = (),
        main_layer: str = MAIN_LAYER,
        divisions: Divisions | None = None,
        served: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`served`: by kind of department, the areas that these serve."""
        self._categories = categories
        self._main, self._divisions, self._served = main_layer, divisions, served or {}
        self._owners = frozenset[Hashable](owners.departments.values()) if owners else frozenset[Hashable]()
        self._days = sorted({one.toordinal() for one in dates if one is not None})
        more = [when for when in whens if isinstance(when, RouteWhen)]
        spans = [parse_span(span) for when in more for span in when.hours or ()]
        self._minutes = sorted({minute for span in spans for minute in span} - {0, 24 * 60})
        self.domains: dict[Dimension, frozenset[Hashable]] = {
            ("category",): frozenset([*(category.code for category in categories), None]),
            ("urgency",): frozenset(URGENCIES),
            ("source",): frozenset([ELSE, *(name for when in whens for name in when.source or ())]),
            ("owner",): self._owners | {None},
            ("placed",): YES | NO,
            ("weekday",): frozenset(WEEKDAYS),
            ("minute",): frozenset(range(len(self._minutes) + 1)),
            ("day",): frozenset(range(len(self._days) + 1)),
            ("channel",): frozenset([ELSE, *(label_key(one) for when in more for one in when.channel or ())]),
        }
        for layer, codes in layers.items():
            self.domains[("layer", layer)] = frozenset([None, *codes])
        if divisions is not None:
            named_codes = (code for codes in self._served.values() for code in codes)
            self.domains[("layer", main_layer)] |= {
                *named_codes,
                ELSE,
                *(code for when in whens for code in _main_codes(when, main_layer)),
            }
        deadlines = [when for when in whens if isinstance(when, DeadlineWhen)]
        self.domains |= {
            ("condition", label_key(name)): YES | NO for when in deadlines for name in when.condition or ()
        }
        self.domains[("area_class",)] = frozenset([ELSE, *(one for when in deadlines for one in when.area_class or ())])
        self._lying_in = _lying_in(divisions, self.domains.get(("layer", main_layer), frozenset()))
        for when in more:
            for name, values in (when.attribute or {}).items():
                known = self.domains.get(("attribute", name), frozenset([ELSE]))
                self.domains[("attribute", name)] = known | {label_key(value) for value in values}
            for kind, words in (("keywords", when.keywords), ("address", when.address)):
                self.domains |= {(kind, fold(word)): YES | NO for word in words or ()}

    def row(self, row: Route | Exit, *, unknown_category: bool) -> list[Box]:
        """A row of routes.yaml. `unknown_category`: whether it is asked about a category that nobody knows, too."""
        boxes = self.boxes(row.when, unknown_category=unknown_category)
        more: dict[Dimension, frozenset[Hashable]] = {}
        if row.effective_from is not None or row.effective_until is not None:
            first = row.effective_from.toordinal() if row.effective_from else _EARLIEST
            end = row.effective_until.toordinal() if row.effective_until else _LATEST
            more[("day",)] = _slots(self._days, first, end, _EARLIEST)
        if isinstance(row, Route) and row.to_owner:
            more[("owner",)] = self._owners
        if isinstance(row, Route) and row.to_area is not None:
            more[("layer", self._main)] = self._areas(self._served.get(row.to_area, ()))
        return product(boxes, [more])

    def boxes(self, when: When | RouteWhen, *, unknown_category: bool) -> list[Box]:
        """The conditions `when`."""
        box: dict[Dimension, frozenset[Hashable]] = {("category",): self._about(when, unknown_category)}
        if when.source is not None:
            box[("source",)] = frozenset(when.source)
        if when.urgency is not None:
            box[("urgency",)] = frozenset(when.urgency)
        if isinstance(when, When):
            if when.area is not None:
                box[("layer", self._main)] = self._areas(when.area)
            return self._of_deadline(box, when)
        for layer, codes in when.layers.items():
            main = layer in (MAIN_LAYER, self._main)
            box[("layer", self._main if main else layer)] = self._areas(codes) if main else frozenset(codes)
        for name, values in (when.attribute or {}).items():
            box[("attribute", name)] = frozenset(map(label_key, values))
        if when.channel is not None:
            box[("channel",)] = frozenset(map(label_key, when.channel))
        if when.owner is not None:
            box[("owner",)] = frozenset(when.owner) & self._owners
        if when.weekdays is not None:
            box[("weekday",)] = frozenset(when.weekdays)
        if when.placed is not None:
            box[("placed",)] = frozenset([when.placed])
        if when.hours is not None:
            spans = [parse_span(span) for span in when.hours]
            box[("minute",)] = frozenset().union(*(_slots(self._minutes, first, end, 0) for first, end in spans))
        boxes: list[Box] = [box]
        for kind, words in (("keywords", when.keywords), ("address", when.address)):
            if words is not None:
                boxes = product(boxes, any_word(kind, map(fold, words)))
        return boxes

    def _of_deadline(self, box: dict[Dimension, frozenset[Hashable]], when: When) -> list[Box]:
        """What only deadlines ask. A condition holds or does not, whatever other conditions do."""
        if not isinstance(when, DeadlineWhen):
            return [box]
        if when.area_class is not None:
            box[("area_class",)] = frozenset(when.area_class)
        names = () if when.condition is None else any_word("condition", map(label_key, when.condition))
        return product([box], names) if when.condition is not None else [box]

    def _areas(self, codes: Iterable[str]) -> frozenset[Hashable]:
        """These areas; where areas are a tree, with those of it that lie in them."""
        if self._divisions is None:
            return frozenset(codes)
        return frozenset(each for code in codes for each in (code, *self._lying_in.get(code, ())))

    def _about(self, when: When | RouteWhen, unknown: bool) -> frozenset[Hashable]:
        known = frozenset[Hashable](
            category.code
            for category in self._categories
            if (when.category is None or category.code in when.category)
            and (when.family is None or category.family in when.family)
        )
        return known | {None} if unknown and when.category is None and when.family is None else known


def _main_codes(when: When | RouteWhen, main_layer: str) -> Iterable[str]:
    if isinstance(when, When):
        return when.area or ()
    return (code for layer in {MAIN_LAYER, main_layer} for code in when.layers.get(layer, ()))


def _lying_in(divisions: Divisions | None, codes: Iterable[Hashable]) -> Mapping[str, list[str]]:
    """Of each code those of these that lie in it. A report in none of them counts by the nearest above it."""
    found: dict[str, list[str]] = defaultdict(list)
    for code in codes if divisions is not None else ():
        if isinstance(code, str) and code != ELSE and divisions is not None:
            for above in divisions.above(code)[1:]:
                found[above].append(code)
    return found


def _slots(bounds: Sequence[int], first: int, end: int, earliest: int) -> frozenset[Hashable]:
    """The slots between `bounds` that lie from `first` to before `end`; slot 0 begins at `earliest`."""
    starts = [earliest, *bounds]
    return frozenset(bisect_right(bounds, start) for start in starts if first <= start < end)

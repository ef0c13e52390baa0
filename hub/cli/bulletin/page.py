"""A bulletin of figures: a page to read and print, and rows for a spreadsheet, in Chinese or English from one catalogue."""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hub.cli.bulletin.charts import bar_chart
from hub.ledger.figures import DIMENSIONS, NO_CODE, Figures, PeriodFigures
from hub.millis import datetime_of
from hub.policy import City
from hub.web.board.names import Bilingual, city_document

_FOLDER = Path(__file__).parent
_SHOWN = 20
"""Rows of a table on the page; all are in the CSV."""
_BAR = 59.0
_JOINED = {"zh": "、", "en": ", "}
_WORST = 3
"""Departments that the sentence above the figures names."""
TILES = ("opened", "ended", "in_time_share", "median_hours", "breached", "refused", "open", "overdue")
COLUMNS = ("opened", "ended", "in_time_share", "median_hours", "breached", "refused", "reopened", "open", "overdue")
SHEET = (
    "opened", "ended", "withdrawn", "timed", "in_time", "in_time_share", "median_hours", "breached", "refused", "reopened",
    "open", "overdue",
)  # fmt: skip


@dataclass(frozen=True)
class Bulletin:
    """What a page is made of. `before`: of the period before. `level_ms`: when the ledger was level with the topics last."""

    city: City
    kind: str
    """day or month."""
    now: PeriodFigures
    before: PeriodFigures
    level_ms: int

    @property
    def is_level(self) -> bool:
        """Whether the ledger has been level since the period ended."""
        return self.level_ms >= self.now.period.end_ms


@cache
def bulletin_texts() -> Mapping[str, Bilingual]:
    """All texts of a bulletin, by key and language."""
    texts: Mapping[str, Bilingual] = json.loads((_FOLDER / "texts.json").read_text("utf-8"))
    return texts


@cache
def _environment() -> Environment:
    """Everything is escaped, and a name that nobody gave is an error."""
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def bulletin_page(bulletin: Bulletin, language: str) -> str:
    """The page, whole: nothing of it lies elsewhere."""
    text = {key: each[language] for key, each in bulletin_texts().items()}
    names = _Names(bulletin.city, language, text["none"])
    zone = ZoneInfo(bulletin.city.time_zone)
    period = bulletin.now.period
    return _environment().get_template("page.html").render(
        language=language, text=text, kind=bulletin.kind, period=period.name, city=names.city,
        period_said=period_said(datetime_of(period.begin_ms, zone), bulletin.kind, language),
        lead=_lead(bulletin.now, language, text, names),
        as_of=f"{datetime_of(bulletin.level_ms, zone):%Y-%m-%d %H:%M}" if bulletin.level_ms else "",
        level=bulletin.is_level, rules=bulletin.city.version,
        tiles=[
            {
                "key": key, "value": _said(bulletin.now.total, key), "before": _said(bulletin.before.total, key),
                "change": _change(bulletin, key, text["points"]),
            }
            for key in TILES
        ],
        chart=bar_chart(
            [_label(datetime_of(each, zone), bulletin.kind) for each in period.slots[:-1]], bulletin.now.opened, bulletin.now.ended
        ),
        columns=COLUMNS,
        tables=[_table(bulletin.now, dimension, names, text["total"]) for dimension in DIMENSIONS],
    )  # fmt: skip


def bulletin_rows(bulletin: Bulletin, language: str) -> Iterator[list[object]]:
    """Head and rows of the CSV: in all, and of every department, area and category; numbers as they are."""
    text = {key: each[language] for key, each in bulletin_texts().items()}
    names = _Names(bulletin.city, language, text["none"])
    yield [text[key] for key in ("dimension", "code", "name", *SHEET)]
    yield [text["total"], "", "", *_numbers(bulletin.now.total)]
    for dimension in DIMENSIONS:
        for code, each in _in_order(bulletin.now.by[dimension]):
            yield [text[dimension], code, names.of(dimension, code), *_numbers(each)]


class _Names:
    def __init__(self, city: City, language: str, none: str) -> None:
        document = city_document(city)
        self._none = none
        self.city: str = document["name"][language]
        self._names: dict[str, dict[str, str]] = {
            "department": {code: name[language] for code, name in document["departments"].items()},
            "category": {code: name[language] for code, name in document["categories"].items()},
            "area": {code: each["name"][language] for code, each in document["areas"].items()},
        }

    def of(self, dimension: str, code: str) -> str:
        """What is not known any more is said by its code."""
        return self._none if code == NO_CODE else self._names[dimension].get(code) or code


def _in_order(by: Mapping[str, Figures]) -> list[tuple[str, Figures]]:
    """What is overdue most first, and what has no code last."""
    return sorted(
        by.items(),
        key=lambda item: (item[0] == NO_CODE, -item[1].overdue, -item[1].open, -item[1].opened, item[0]),
    )


def _lead(counted: PeriodFigures, language: str, text: Mapping[str, str], names: _Names) -> str:
    """The figures in a sentence, and who has most that is overdue in another."""
    told = text["lead"].format(**{key: _said(counted.total, key) for key in TILES})
    worst = [
        text["lead.one"].format(name=names.of("department", code), overdue=_said(each, "overdue"))
        for code, each in _in_order(counted.by["department"])[:_WORST]
        if each.overdue
    ]
    rest = text["lead.worst"].format(names=_JOINED[language].join(worst)) if worst else ""
    return told + rest


def _change(bulletin: Bulletin, key: str, points: str) -> str:
    """By how much a figure differs from the one before, with its sign; empty where one of them is none."""
    now, before = (getattr(each.total, key) for each in (bulletin.now, bulletin.before))
    if now is None or before is None:
        return ""
    if key == "in_time_share":
        return f"{(now - before) * 100:+.1f} {points}"
    return f"{now - before:+,.1f}" if isinstance(now, float) else f"{now - before:+,}"


def period_said(begin: datetime, kind: str, language: str) -> str:
    """A day or a month as it stands in a heading."""
    if language == "zh":
        month = f"{begin.year}年{begin.month}月"
        return f"{month}{begin.day}日 星期{'一二三四五六日'[begin.weekday()]}" if kind == "day" else month
    month = f"{calendar.month_name[begin.month]} {begin.year}"
    return f"{calendar.day_name[begin.weekday()]}, {begin.day} {month}" if kind == "day" else month


def _table(counted: PeriodFigures, dimension: str, names: _Names, total: str) -> dict[str, Any]:
    rows = _in_order(counted.by[dimension])
    most = max((each.open for _, each in rows), default=0) or 1
    shown: Iterable[tuple[str, Figures]] = [(names.of(dimension, code), each) for code, each in rows[:_SHOWN]]
    return {
        "dimension": dimension,
        "left_out": max(0, len(rows) - _SHOWN),
        "rows": [
            _row(total, counted.total, counted.total.open or 1),
            *(_row(name, each, most) for name, each in shown),
        ],
    }


def _row(name: str, counts: Figures, most: int) -> dict[str, Any]:
    return {
        "name": name, "cells": [_said(counts, key) for key in COLUMNS],
        "open_bar": round(_BAR * counts.open / most, 1), "overdue_bar": round(_BAR * counts.overdue / most, 1),
    }  # fmt: skip


def _said(counts: Figures, key: str) -> str:
    value = getattr(counts, key)
    if value is None:
        return "–"
    if key == "in_time_share":
        return f"{value:.1%}"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def _numbers(counts: Figures) -> list[object]:
    values = [getattr(counts, key) for key in SHEET]
    return ["" if value is None else round(value, 4) if isinstance(value, float) else value for value in values]


def _label(moment: datetime, kind: str) -> str:
    return str(moment.hour if kind == "day" else moment.day)

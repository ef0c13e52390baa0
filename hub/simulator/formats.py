"""Statements as the four systems write them: their own columns, codes, times and reference systems.

Pure: text out, no files. The formats are the ones the connectors' README files define (mapping `demo`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from hub.core.places.crs import wgs84_to_gcj02
from hub.millis import datetime_of
from hub.simulator.scene import Coordinates
from hub.simulator.truth import Oddity, Statement

PETITION_ZONE = ZoneInfo("Asia/Shanghai")
_LEVELS = {"EMERGENCY": "1", "URGENT": "2", "PROMPT": "3", "ROUTINE": "4"}
_LEVELS_ZH = {"EMERGENCY": "特急", "URGENT": "紧急", "PROMPT": "较急", "ROUTINE": "一般"}
_POLICE_KINDS = {"OPENED": "1", "AMENDED": "2", "WITHDRAWN": "3", "CLOSED": "4"}
_PETITION_KINDS = {"OPENED": "登记", "AMENDED": "补充", "WITHDRAWN": "撤回", "CLOSED": "办结"}
_CITYMGMT_KINDS = {"OPENED": "report", "AMENDED": "supplement", "WITHDRAWN": "cancel", "CLOSED": "close"}
_PETITION_CHANNELS = {"phone": "来电", "app": "手机", "web": "网上"}
_POLICE_HEADER = (
    "JJDBH", "XH", "DZLX", "AFSJ", "BJSJ", "JQLBDM", "JQLBMC", "JQDJ", "XZQHDM",
    "WGDM", "JD", "WD", "ZBX", "AFDD", "JQBT", "BJNR", "BJFS", "TPURL",
)  # fmt: skip
_PETITION_HEADER = (
    "信访件编号", "版次", "办理动作", "发生时间", "信访时间", "内容分类代码", "内容分类", "紧急程度", "行政区划代码",
    "网格编码", "纬度", "经度", "坐标系", "问题地址", "标题", "内容", "信访渠道", "图片",
)  # fmt: skip
_YEAR_ONE_MS = -62_135_596_800_000
_NO_TIME = "--:--"


@dataclass(frozen=True)
class SystemFile:
    """How one system's file looks: `head` once, then `row` for each statement, each with its line end."""

    file_name: str
    head: str
    row: Callable[[Statement], str]


def _police(statement: Statement) -> str:
    lat, lon = _position(statement)
    reported = _when(statement, str, _NO_TIME)
    return _csv(
        _ref(statement), statement.revision, _POLICE_KINDS[statement.kind], _iso(statement.occurred_ms), reported,
        statement.category, _both(statement), _LEVELS[statement.urgency], "", "", lon, lat, "EPSG:4326" if lat else "",
        statement.address, statement.title, statement.text, statement.channel, "",
    )  # fmt: skip


def _petition(statement: Statement) -> str:
    lat, lon = _position(statement)
    return _csv(
        _ref(statement), statement.revision, _PETITION_KINDS[statement.kind], _slashed(statement.occurred_ms),
        _when(statement, _slashed, _NO_TIME), statement.category, statement.category_label_zh, _LEVELS_ZH[statement.urgency],
        "", "", lat, lon, "", statement.address, statement.title, statement.text, _PETITION_CHANNELS[statement.channel], "",
    )  # fmt: skip


def _hotline(statement: Statement) -> str:
    lat, lon = statement.point or (None, None)
    return _json(
        {
            "order": {"id": _ref(statement), "revision": statement.revision, "event": statement.kind.lower()},
            "time": {"occurred": _iso(statement.occurred_ms), "reported": _when(statement, _iso, _NO_TIME)},
            "category": {
                "code": statement.category or None,
                "name": {"zh": statement.category_label_zh or None, "en": statement.category_label or None},
            },
            "urgency": statement.urgency.lower(),
            "place": {
                "division": None,
                "grid": None,
                "lat": lat,
                "lon": lon,
                "crs": "EPSG:4326",
                "address": statement.address or None,
            },
            "title": statement.title,
            "text": statement.text,
            "channel": statement.channel,
            "photos": [f"https://example.org/{statement.ref}.jpg"] if statement.channel == "app" else [],
        }
    )


def _citymgmt(statement: Statement) -> str:
    lat, lon = _gcj02(statement.point) if statement.point else (None, None)
    return _json(
        {
            "taskNum": _ref(statement),
            "version": statement.revision,
            "action": _CITYMGMT_KINDS[statement.kind],
            "occurTime": statement.occurred_ms,
            "reportTime": _when(statement, int, _NO_TIME),
            "mainType": statement.group or None,
            "mainTypeName": statement.group_label or None,
            "subType": statement.category or None,
            "subTypeName": _both(statement) or None,
            "level": _LEVELS[statement.urgency],
            "divisionCode": None,
            "gridCode": None,
            "x": lon,
            "y": lat,
            "crs": "GCJ-02",
            "address": statement.address or None,
            "title": statement.title,
            "desc": statement.text,
            "channel": statement.channel,
            "photos": [],
        }
    )


SYSTEM_FILES = {
    "police": SystemFile("police.csv", ",".join(_POLICE_HEADER) + "\r\n", _police),
    "hotline": SystemFile("hotline.jsonl", "", _hotline),
    "petition": SystemFile("petition.csv", ",".join(_PETITION_HEADER) + "\r\n", _petition),
    "citymgmt": SystemFile("citymgmt.jsonl", "", _citymgmt),
}
"""By source. `petition` counts times in whole seconds; the others in milliseconds."""


def _gcj02(point: Coordinates) -> Coordinates:
    lat, lon = wgs84_to_gcj02(np.asarray(point[0]), np.asarray(point[1]))
    return round(float(lat), 6), round(float(lon), 6)


def _both(statement: Statement) -> str:
    return f"{statement.category_label_zh} {statement.category_label}".strip()


def _ref(statement: Statement) -> str:
    return "" if statement.oddity is Oddity.NO_REF else statement.ref


def _when(statement: Statement, write: Callable[[int], Any], nonsense: str) -> Any:
    """The time of reporting, or what a broken system has in its place."""
    if statement.oddity is Oddity.BAD_TIME:
        return nonsense
    return write(_YEAR_ONE_MS if statement.oddity is Oddity.YEAR_ONE else statement.reported_ms)


def _position(statement: Statement) -> tuple[str, str]:
    return (f"{statement.point[0]:.6f}", f"{statement.point[1]:.6f}") if statement.point else ("", "")


def _iso(ms: int) -> str:
    moment = datetime_of(ms)
    # The year 0001 has no local time east of Greenwich that Python could hold.
    local = moment if ms == _YEAR_ONE_MS else moment.astimezone(PETITION_ZONE)
    return local.isoformat(timespec="milliseconds")


def _slashed(ms: int) -> str:
    moment = datetime_of(ms)
    at = moment if ms == _YEAR_ONE_MS else moment.astimezone(PETITION_ZONE)
    return f"{at.year}/{at.month}/{at.day} {at.hour}:{at.minute:02d}:{at.second:02d}"


def _csv(*cells: object) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"

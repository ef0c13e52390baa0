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
class Format:
    """How one system's file looks: `head` once, then `row` for each statement, each with its line end."""

    file_name: str
    head: str
    row: Callable[[Statement], str]


def _police(said: Statement) -> str:
    lat, lon = _position(said)
    reported = _when(said, str, _NO_TIME)
    return _csv(
        _ref(said), said.revision, _POLICE_KINDS[said.kind], _iso(said.occurred_ms), reported, said.category,
        _both(said), _LEVELS[said.urgency], "", "", lon, lat, "EPSG:4326" if lat else "", said.address,
        said.title, said.text, said.channel, "",
    )  # fmt: skip


def _petition(said: Statement) -> str:
    lat, lon = _position(said)
    return _csv(
        _ref(said), said.revision, _PETITION_KINDS[said.kind], _slashed(said.occurred_ms),
        _when(said, _slashed, _NO_TIME), said.category, said.category_label_zh, _LEVELS_ZH[said.urgency], "", "", lat, lon,
        "", said.address, said.title, said.text, _PETITION_CHANNELS[said.channel], "",
    )  # fmt: skip


def _hotline(said: Statement) -> str:
    lat, lon = said.at or (None, None)
    return _json(
        {
            "order": {"id": _ref(said), "revision": said.revision, "event": said.kind.lower()},
            "time": {"occurred": _iso(said.occurred_ms), "reported": _when(said, _iso, _NO_TIME)},
            "category": {
                "code": said.category or None,
                "name": {"zh": said.category_label_zh or None, "en": said.category_label or None},
            },
            "urgency": said.urgency.lower(),
            "place": {
                "division": None,
                "grid": None,
                "lat": lat,
                "lon": lon,
                "crs": "EPSG:4326",
                "address": said.address or None,
            },
            "title": said.title,
            "text": said.text,
            "channel": said.channel,
            "photos": [f"https://example.org/{said.ref}.jpg"] if said.channel == "app" else [],
        }
    )


def _citymgmt(said: Statement) -> str:
    lat, lon = _gcj02(said.at) if said.at else (None, None)
    return _json(
        {
            "taskNum": _ref(said),
            "version": said.revision,
            "action": _CITYMGMT_KINDS[said.kind],
            "occurTime": said.occurred_ms,
            "reportTime": _when(said, int, _NO_TIME),
            "mainType": said.group or None,
            "mainTypeName": said.group_label or None,
            "subType": said.category or None,
            "subTypeName": _both(said) or None,
            "level": _LEVELS[said.urgency],
            "divisionCode": None,
            "gridCode": None,
            "x": lon,
            "y": lat,
            "crs": "GCJ-02",
            "address": said.address or None,
            "title": said.title,
            "desc": said.text,
            "channel": said.channel,
            "photos": [],
        }
    )


FORMATS = {
    "police": Format("police.csv", ",".join(_POLICE_HEADER) + "\r\n", _police),
    "hotline": Format("hotline.jsonl", "", _hotline),
    "petition": Format("petition.csv", ",".join(_PETITION_HEADER) + "\r\n", _petition),
    "citymgmt": Format("citymgmt.jsonl", "", _citymgmt),
}
"""By source. `petition` counts times in whole seconds; the others in milliseconds."""


def _gcj02(at: Coordinates) -> Coordinates:
    lat, lon = wgs84_to_gcj02(np.asarray(at[0]), np.asarray(at[1]))
    return round(float(lat), 6), round(float(lon), 6)


def _both(said: Statement) -> str:
    return f"{said.category_label_zh} {said.category_label}".strip()


def _ref(said: Statement) -> str:
    return "" if said.oddity is Oddity.NO_REF else said.ref


def _when(said: Statement, write: Callable[[int], Any], nonsense: str) -> Any:
    """The time of reporting, or what a broken system has in its place."""
    if said.oddity is Oddity.BAD_TIME:
        return nonsense
    return write(_YEAR_ONE_MS if said.oddity is Oddity.YEAR_ONE else said.reported_ms)


def _position(said: Statement) -> tuple[str, str]:
    return (f"{said.at[0]:.6f}", f"{said.at[1]:.6f}") if said.at else ("", "")


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

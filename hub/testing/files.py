"""Invented files in the systems' formats, for tests: no network, no real data."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hub.millis import MINUTE_MS

POLICE_COLUMNS = (
    "JJDBH", "XH", "DZLX", "AFSJ", "BJSJ", "JQLBDM", "JQLBMC", "JQDJ", "XZQHDM", "WGDM", "JD", "WD", "ZBX", "AFDD",
    "JQBT", "BJNR", "BJFS", "TPURL",
)  # fmt: skip
START_MS = 1_767_672_000_000
"""2026-01-06 12:00 in Shanghai: when the invented calls begin."""


def police_row(number: int, **changes: Any) -> list[str]:
    """One invented call's row in the police demo format; ten calls, each with several revisions, one row a minute."""
    call, revision = number % 10, number // 10
    row: dict[str, Any] = {
        "JJDBH": f"JJ{call:04d}", "XH": revision, "DZLX": 1 if revision == 0 else 2, "AFSJ": "",
        "BJSJ": START_MS + number * MINUTE_MS, "JQLBDM": "traffic.accident", "JQLBMC": "交通事故 Traffic accident",
        "JQDJ": 1 + call % 4, "XZQHDM": "", "WGDM": "", "JD": f"116.{call:04d}", "WD": f"39.{call:04d}", "ZBX": "",
        "AFDD": f"人民路{call}号", "JQBT": "两车相撞", "BJNR": f"第{revision}次 statement", "BJFS": "phone", "TPURL": "",
    }  # fmt: skip
    row |= changes
    return [str(row[name]) for name in POLICE_COLUMNS]


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """CSV with a line break after each row."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([list(header), *(list(row) for row in rows)])
    return out.getvalue()


def police_file(path: Path, rows: int) -> Path:
    """Write `rows` good rows in the police demo format. Where there are fewer already they are added to: who follows the file
    may look at any moment, and must not find it cut."""
    text = csv_text(POLICE_COLUMNS, (police_row(number) for number in range(rows)))
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    grows = text.startswith(there)
    with path.open("a" if grows else "w", encoding="utf-8") as file:
        file.write(text[len(there) :] if grows else text)
    return path

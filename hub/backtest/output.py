"""Writes what a back-test found: decisions.csv, rejects.csv, marked.csv, difference.csv, report.json, summary.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub.backtest.decided import Decided
from hub.backtest.judging.difference import ReportDifference
from hub.backtest.run import Backtest
from hub.backtest.summary import report_markdown
from hub.errors import FatalError
from hub.escaping import write_csv
from hub.handed_out import handed_out

DECISION_COLUMNS = (
    "source", "source_ref", "case_id", "lead_ref", "link_score", "department", "queue", "category", "due_at", "due_policy",
    "breached_at",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = frozenset({"due_moved", "breach_added", "breach_removed"})


def iso_writer(time_zone: str) -> Callable[[int | None], str]:
    """Milliseconds to ISO 8601 in the zone, with offset; None to an empty string."""
    zone = ZoneInfo(time_zone)

    def iso(ms: int | None) -> str:
        return "" if ms is None else (_EPOCH + timedelta(milliseconds=ms)).astimezone(zone).isoformat()

    return iso


def write_backtest(backtest: Backtest, folder: Path) -> dict[str, Any]:
    """Write all files; gives the report as written. Raises FatalError if the folder cannot be written to."""
    report = backtest.as_dict()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_decisions(folder / "decisions.csv", backtest.outcome.played.decisions, backtest.outcome.city.time_zone)
        for name, rows in (("rejects.csv", backtest.rejects()), ("marked.csv", backtest.marked())):
            _write(
                folder / name,
                ("file", "line", "source_ref", "reason", "detail"),
                ((each.file, each.line, each.ref, each.reason, each.detail) for each in rows),
            )
        if backtest.against is not None and backtest.difference is not None:
            zone = backtest.against.city.time_zone
            write_decisions(folder / "decisions.against.csv", backtest.against.played.decisions, zone)
            iso = iso_writer(zone)
            _write(
                folder / "difference.csv",
                ("source", "source_ref", "what", "before", "after"),
                (_change(each, iso) for each in backtest.difference.changes),
            )
        (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        (folder / "summary.md").write_text(report_markdown(report), encoding="utf-8")
    except OSError as error:
        raise FatalError(f"cannot write to {folder}: {error.strerror}; choose another --out") from error
    return report


def write_decisions(path: Path, decisions: Sequence[Decided], time_zone: str) -> None:
    """One row a report. Columns: DECISION_COLUMNS."""
    iso = iso_writer(time_zone)
    _write(
        path,
        DECISION_COLUMNS,
        (
            (
                each.report.source, each.report.ref, each.case_id, each.lead_ref,
                "" if each.link_score is None else f"{each.link_score:.4f}", each.department, each.queue or "", each.category,
                iso(each.due_ms), each.due_policy or "", iso(each.breached_ms),
            )
            for each in decisions
        ),
    )  # fmt: skip


def _change(change: ReportDifference, iso: Callable[[int | None], str]) -> tuple[Any, ...]:
    values = (change.before, change.after)
    if change.what in _TIMES:
        values = tuple(iso(value) if isinstance(value, int) else "" for value in values)  # type: ignore[assignment]
    return (change.source, change.ref, change.what, *("" if value is None else value for value in values))


def _write(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with open(path, "w", encoding="utf-8", newline="", opener=handed_out) as file:
        write_csv(file, chain([header], rows))

"""Writes a draft as a policy folder that loads, with a README that tells a person what to look at."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from hub.errors import FatalError
from hub.learn.draft import Draft
from hub.learn.rows import Drafted, plain, write_mapping, write_rows
from hub.policy.city import City
from hub.policy.loader import load_city

_WEAK = 0.8
"""Rows that were right less often than this are named in the report for a person to look at first."""
_FEW = 10
_NAMED = 40


def refuse_to_overwrite(folder: Path) -> None:
    """Raises FatalError if the folder holds a policy that was not drafted: somebody's work."""
    if (folder / "city.yaml").exists() and not (folder / "report.json").exists():
        raise FatalError(
            f"{folder} holds a policy that was not drafted; choose another --out, so that it is not overwritten"
        )


def write_folder(draft: Draft, folder: Path, facts: dict[str, Any]) -> City:
    """Write all files and load them. Raises FatalError if the folder holds a policy already or cannot be written to."""
    if (folder / "city.yaml").exists() and not (folder / "report.json").exists():
        raise FatalError(
            f"{folder} holds a policy that was not drafted; choose another --out, so that it is not overwritten"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(draft, folder)
        (folder / "README.md").write_text(_readme(draft, facts), encoding="utf-8")
        report = {**facts, "rows": {name: len(rows) for name, rows in _tables(draft)}, "notes": draft.notes}
        (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise FatalError(f"cannot write to {folder}: {error.strerror}; choose another --out") from error
    return load_city(folder)


def _write(draft: Draft, folder: Path) -> None:
    title = "Drafted from history; review before use 由历史数据起草，启用前须人工复核"
    text = yaml.safe_dump(plain(draft.city), allow_unicode=True, sort_keys=False)
    (folder / "city.yaml").write_text(f"# {title}\n{text}", encoding="utf-8")
    for layer in draft.layers:
        (folder / f"{layer.layer}.geojson").write_text(layer.geojson(), encoding="utf-8")
    write_rows(folder / "taxonomy.yaml", title, {"categories": draft.categories})
    write_rows(folder / "departments.yaml", title, {"departments": draft.departments})
    routes = {"routes": draft.routes} | ({"fallback": draft.fallback} if draft.fallback else {})
    write_rows(folder / "routes.yaml", title, routes)
    write_rows(folder / "deadlines.yaml", title, {"deadlines": draft.deadlines})
    write_mapping(folder / "calendars.yaml", title, "calendars", draft.calendars)
    write_rows(folder / "linking.yaml", title, {"linking": draft.linking})
    (folder / "examples.yaml").write_text(f"# {title}\nexamples: []\n", encoding="utf-8")


def _tables(draft: Draft) -> Iterable[tuple[str, list[Drafted]]]:
    yield "categories 类别", draft.categories
    yield "departments 部门", draft.departments
    yield "routes 派单规则", [*draft.routes, *draft.fallback]
    yield "deadlines 时限", draft.deadlines
    yield "calendars 日历", list(draft.calendars.values())
    yield "linking 关联规则", draft.linking


def _readme(draft: Draft, facts: dict[str, Any]) -> str:
    lines = [
        f"# {draft.city.id}: a policy drafted from history 由历史数据起草的规则", "",
        f"From {facts['reports']:,} reports, {facts['from']} to {facts['until']} ({draft.city.time_zone}). Nothing here is in "
        "force until a person has read it: names in the second language, legal bases and examples are to be added, rows "
        "that rest on little are to be confirmed or removed. Each row carries, behind `#`, the reports that speak for it and "
        "how often it was right among them.",
        "", "| file | rows | reports behind them | weak rows |", "|---|---|---|---|",
    ]  # fmt: skip
    for name, rows in _tables(draft):
        support = sum(each.support or 0 for each in rows)
        lines.append(f"| {name} | {len(rows):,} | {support:,} | {len(_weak(rows)):,} |")
    if draft.notes:
        lines += ["", "## Notes 说明", "", *(f"- {note}" for note in draft.notes)]
    for name, rows in _tables(draft):
        weak = _weak(rows)
        if weak:
            lines += ["", f"## To look at first: {name} 请先复核", "", "| row | what speaks for it |", "|---|---|"]
            lines += [f"| `{_id(each)}` | {each.remark()} |" for each in weak[:_NAMED]]
            lines += [f"| ... and {len(weak) - _NAMED:,} more | |"] if len(weak) > _NAMED else []
    return "\n".join(lines) + "\n"


def _weak(rows: list[Drafted]) -> list[Drafted]:
    """Rows right less often than a person should trust, or resting on few reports; those with most reports first."""
    weak = [
        each
        for each in rows
        if each.confidence is not None
        and (each.confidence < _WEAK or (each.support is not None and each.support < _FEW))
    ]
    return sorted(weak, key=lambda each: -(each.support or 0))


def _id(drafted: Drafted) -> str:
    return str(getattr(drafted.row, "id", None) or getattr(drafted.row, "code", None) or type(drafted.row).__name__)

"""Writes a scenario's report: <date>-<name>.json, <date>-<name>.md and its plots, in one folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def write_report(out: Path, scenario: Any, machine: dict[str, Any], measured: dict[str, Any], command: str) -> Path:
    """The Markdown file's path."""
    from loadtests.report.markdown import markdown
    from loadtests.report.plots import plots

    out.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC)
    stem = f"{at:%Y-%m-%d}-{scenario.name}"
    whole = {
        "scenario": scenario.model_dump(mode="json"),
        "at": at.isoformat(timespec="seconds"),
        "command": command,
        "machine": machine,
        "measured": measured,
    }
    (out / f"{stem}.json").write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")
    drawn = plots(out, stem, whole)
    report = out / f"{stem}.md"
    report.write_text(markdown(whole, drawn), "utf-8")
    return report

"""The demo city with all that a case can go through, and the rules that it takes up during the day."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from hub.declared.document import read_yaml
from hub.settings import ROOT

DEMO = ROOT / "ops" / "cities" / "demo"
_EXTENSION = {"times": 2, "duration": 3, "unit": "hour", "approved_by": "the desk"}
_PAUSE = {"reasons": ["appraisal", "weather", "hung up 挂账"], "times": 2}
_CLOCKS = {
    "assist": {"name": {"en": "assist", "zh": "协办"}, "start": ["called"], "stop": ["resolved"]},
    "callback": {"name": {"en": "callback", "zh": "回访"}, "start": ["resolved"], "stop": ["satisfied", "unsatisfied"]},
}
_ROWS: tuple[dict[str, Any], ...] = (
    {"id": "assist.all", "clock": "assist", "duration": 5, "unit": "hour"},
    {"id": "callback.urgent", "clock": "callback", "when": {"urgency": ["URGENT"]}, "duration": 8, "unit": "hour"},
)


def write_city(folder: Path) -> Path:
    """Cases come back by a further report, clocks of `resolve` may be extended and paused, and there are more clocks."""
    shutil.copytree(DEMO, folder)
    _change(folder / "linking.yaml", _reopening)
    _change(folder / "deadlines.yaml", _everything)
    _change(folder / "city.yaml", lambda city: city.update(life={"arbitrate_after": 2, "supervisors": ["market"]}))
    _change(folder / "examples.yaml", lambda file: file.update(examples=[]))
    return folder


def write_next_rules(city: Path, folder: Path, effective: date) -> Path:
    """As `city`, but from that day on roads are somebody else's and everything urgent has less time."""
    shutil.copytree(city, folder)
    _change(folder / "city.yaml", lambda file: file.update(effective_from=effective))
    _change(folder / "routes.yaml", _to_others)
    _change(folder / "deadlines.yaml", _sooner)
    return folder


def _change(file: Path, change: Any) -> None:
    content = read_yaml(file)
    change(content)
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), "utf-8")


def _reopening(file: dict[str, Any]) -> None:
    for row in file["linking"]:
        row.update(after_close="reopen", after_close_days=2)


def _everything(file: dict[str, Any]) -> None:
    for row in file["deadlines"]:
        if row["clock"] == "resolve":
            row.update(extension=_EXTENSION, pause=_PAUSE)
    file["clocks"] = _CLOCKS
    file["deadlines"] += _ROWS


def _to_others(file: dict[str, Any]) -> None:
    for row in file["routes"]:
        if row.get("department") == "roads":
            row["department"] = "urban_mgmt"


def _sooner(file: dict[str, Any]) -> None:
    for row in file["deadlines"]:
        if row["id"].endswith(".urgent"):
            row["duration"] /= 2

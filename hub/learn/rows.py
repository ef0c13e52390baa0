"""A row of a drafted policy with what speaks for it, and how rows are written: one a line, with its support behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel


@dataclass(frozen=True)
class Drafted:
    """One row: a model of hub.policy.models, how many reports of the history it speaks for, and how often it was right there."""

    row: BaseModel
    support: int | None = None
    confidence: float | None = None
    """Share of the supporting reports for which the row holds, 0 to 1; None where there is nothing to measure by."""
    note: str = ""

    def remark(self) -> str:
        """What speaks for it, in words."""
        told = [] if self.support is None else [f"{self.support:,} reports"]
        told += [] if self.confidence is None else [f"confidence {self.confidence:.1%}"]
        return ", ".join([*told, *([self.note] if self.note else [])])


def write_rows(
    path: Path, title: str, sections: Mapping[str, Iterable[Drafted]], extra: Mapping[str, Any] | None = None
) -> None:
    """Write lists of rows, each under its name; `extra` is written before them."""
    lines = [f"# {title}"]
    for name, value in (extra or {}).items():
        lines.append(_yaml({name: plain(value)}, flow=None).rstrip())
    for name, rows in sections.items():
        found = [f"  - {_yaml(plain(each.row), flow=True)}{_comment(each)}" for each in rows]
        lines += [f"{name}:", *found] if found else [f"{name}: []"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_mapping(path: Path, title: str, name: str, values: Mapping[str, Drafted]) -> None:
    """Write rows by key, in block style: for calendars, which are long."""
    lines = [f"# {title}", f"{name}:" if values else f"{name}: {{}}"]
    for key, each in values.items():
        lines.append(f"  {key}:{_comment(each)}")
        text = _yaml(plain(each.row), flow=None)
        lines += [f"    {line}" for line in text.rstrip().splitlines()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """A model as YAML holds it: only what was given, tuples as lists, dates as dates."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump(exclude_unset=True))
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _comment(drafted: Drafted) -> str:
    remark = drafted.remark().replace("\n", " ")
    return f"  # {remark}" if remark else ""


def _yaml(value: Any, *, flow: bool | None) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True, sort_keys=False, width=1 << 30)
    return text.strip() if flow else text

"""What was seen, as a table of docs/alarms.md: beside each fault what its rule promises as it is, and at the pace of the run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from hub.errors import FatalError
from hub.settings import ROOT
from loadtests.alarms.faults import FAULTS

PAGE = ROOT / "docs" / "alarms.md"
TABLE_BEGINS, TABLE_ENDS = "<!-- seen -->\n", "<!-- /seen -->\n"
_HEAD = (
    "| fault 故障 | alarm 告警 | `for` | promised 承诺 | promised in the run 演练中承诺 | webhook | mail 邮件 | over 恢复 |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


class SeenRow(Protocol):
    """What one fault brought; see loadtests.alarms.__main__."""

    @property
    def alert(self) -> str: ...
    @property
    def promised(self) -> float: ...
    @property
    def raised(self) -> float | None: ...
    @property
    def mailed(self) -> float | None: ...
    @property
    def over(self) -> float | None: ...
    @property
    def note(self) -> str: ...


def shown(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:,.0f} s"


def page_table(seen: Sequence[SeenRow]) -> str:
    """In Markdown."""
    rows = {each.alert: each for each in seen}
    return _HEAD + "".join(
        f"| {fault.name} | `{fault.alert}` | {fault.rule.get('for', '-')} | {shown(fault.promised(1))} | "
        f"{shown(rows[fault.alert].promised)} | {rows[fault.alert].note or shown(rows[fault.alert].raised)} | "
        f"{shown(rows[fault.alert].mailed)} | {shown(rows[fault.alert].over)} |\n"
        for fault in FAULTS
        if fault.alert in rows
    )


def put_into_page(seen: Sequence[SeenRow], pace: float, page: Path = PAGE) -> None:
    """In the place of the table that is there. Raises FatalError for a page that has no place for it."""
    text = page.read_text("utf-8")
    if TABLE_BEGINS not in text or TABLE_ENDS not in text:
        raise FatalError(
            f"{page} has no place for the table: put {TABLE_BEGINS.strip()} and {TABLE_ENDS.strip()} there"
        )
    said = f"Everything that is waited divided by {pace:g}.\n\n" if pace != 1 else ""
    made = f"{TABLE_BEGINS}{said}{page_table(seen)}{TABLE_ENDS}"
    page.write_text(
        re.sub(f"{re.escape(TABLE_BEGINS)}.*?{re.escape(TABLE_ENDS)}", lambda _: made, text, flags=re.DOTALL), "utf-8"
    )

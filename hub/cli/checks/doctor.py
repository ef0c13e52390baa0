"""`cityhub doctor`: is everything there that a hub needs?"""

from __future__ import annotations

import sys

import click
from rich.text import Text

from hub.cli.terminal.options import with_settings
from hub.screen import Screen, say_json
from hub.settings import Settings

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_MARKS = {"ok": "✓ ok  ", "warn": "! warn", "fail": "✗ FAIL"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON array.")
@with_settings
def doctor(settings: Settings, as_json: bool) -> None:
    """Check Java, ports, broker, topics, schemas, policy and clocks 体检; say of each trouble the way out.

    Exits with 1 if something fails; a warning is something the hub can do without.
    """
    from hub.cli.checks.checkup import FAIL, check_all

    console, checks = Screen(soft_wrap=True), []
    for check in check_all(settings):
        checks.append(check)
        if not as_json:
            console.print(
                Text.assemble((_MARKS[check.state], _STYLES[check.state]), f"  {check.name}: {check.finding}")
            )
            if check.way_out:
                console.print(Text(f"          way out 办法: {check.way_out}", "italic"))
    if as_json:
        say_json(
            [{"name": c.name, "state": c.state, "said": c.finding, "way_out": c.way_out} for c in checks], indent=2
        )
    sys.exit(1 if any(check.state == FAIL for check in checks) else 0)

"""Which letters a command is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from hub.errors import Reason
from hub.inspect.mending.dealt import LetterState


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """--stage and --reason."""
    command = click.option("--stage", help="Only of this agent or connector, as in track or connector:police.")(command)
    return click.option("--reason", type=click.Choice([str(each) for each in Reason]), help="Only for this reason.")(
        command
    )


state_filter = click.option(
    "--state", type=click.Choice([*map(str, LetterState), "all"]), default=LetterState.OPEN.value, show_default=True,
    help="open 未处理, sent 已重发, closed 已关闭.",
)  # fmt: skip

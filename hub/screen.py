"""What commands write on a terminal, escaped. No command prints otherwise; a test holds them to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from hub.escaping import shown, to_json

_LAYOUT = "\n"


class _EscapeHook(RenderHook):
    """rich calls it with what it is about to show."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Escaped(each) for each in renderables]


class _Escaped:
    """A renderable whose text is escaped; its styles stay."""

    def __init__(self, inner: ConsoleRenderable) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            yield segment if segment.control else Segment(shown(segment.text, keep=_LAYOUT), segment.style)


class Screen(Console):
    """rich's console for texts of others: square brackets are no markup, and nothing acts on the terminal."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"markup": False, "emoji": False} | options))
        self.push_render_hook(_EscapeHook())


def say(text: object = "", *, err: bool = False) -> None:
    """One line on stdout or stderr."""
    click.echo(shown(text), err=err)


def say_lines(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Lines that the hub has laid out itself, none of which holds a line end of somebody else."""
    click.echo(shown(text, keep=_LAYOUT), err=err, nl=nl)


def say_json(value: Any, *, indent: int | None = None, default: Callable[[Any], Any] | None = None) -> None:
    """A JSON document on stdout."""
    click.echo(to_json(value, indent=indent, default=default))

"""`cityhub audit`: the trail of who did what, as a file that anybody can verify."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from hub.cli.terminal.options import with_settings
from hub.declared.texts import open_regular
from hub.errors import FatalError
from hub.handed_out import handed_out
from hub.screen import say
from hub.settings import Settings

_MOST_CHARS = 1 << 20
"""More than an entry has, spaces between its values included."""


def _head(_: click.Context, __: click.Parameter, given: str | None) -> object:
    from hub.web.access.chain import Head

    if given is None:
        return None
    number, colon, digest = given.partition(":")
    if not (colon and number.isascii() and number.isdigit()):
        raise click.BadParameter("as `audit export` says it: NUMBER:DIGEST")
    return Head(int(number), digest)


@click.group()
def audit() -> None:
    """The audit trail 审计链: who logged in, and did what to which case, user, letter or rule; each entry bears the digest of the
    one before it."""


@audit.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default="-",
    help="Where to; a new file is for its owner and group.  [stdout]",
)
@with_settings
def export(settings: Settings, output: Path) -> None:
    """Write the whole trail, one JSON object a line. Note what is said at the end elsewhere: `verify --head` asks for it."""
    from hub.web.access.chain import export_lines, verified
    from hub.web.access.file import opened_file
    from hub.web.access.trail import trail_entries

    with opened_file(settings) as file:
        lines = list(export_lines(trail_entries(file)))
    with _to_write(output) as out:
        out.writelines(f"{line}\n" for line in lines)
    head = verified(lines)
    say(f"{head.entries:,} entries 条; head 链首 {head.entries}:{head.digest}", err=True)


@contextmanager
def _to_write(path: Path) -> Iterator[TextIO]:
    if str(path) == "-":
        yield sys.stdout
        return
    try:
        with open(path, "w", encoding="utf-8", opener=handed_out) as out:
            yield out
    except OSError as error:
        raise FatalError(f"{path} cannot be written ({error.strerror}); choose another --output") from None


@contextmanager
def _to_read(path: Path) -> Iterator[TextIO]:
    if str(path) == "-":
        yield click.get_text_stream("stdin", encoding="utf-8")
        return
    try:
        opened = open_regular(path)
    except OSError as error:
        raise FatalError(f"{path} cannot be read: {error}; what comes from elsewhere is taken from stdin (-)") from None
    with io.TextIOWrapper(opened, encoding="utf-8") as lines:
        yield lines


def _bounded(lines: TextIO) -> Iterator[str]:
    """Without their ends. Raises FatalError for one that is longer than any that was written, before it is all in memory."""
    number = 0
    while line := lines.readline(_MOST_CHARS + 1):
        number += 1
        if len(line) > _MOST_CHARS:
            raise FatalError(f"line {number}: is longer than any that was written; it was changed")
        yield line.rstrip("\n")


@audit.command()
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path), default="-")
@click.option(
    "--head", callback=_head, metavar="NUMBER:DIGEST", help="What an earlier export said: it must stand in this one."
)
def verify(file: Path, head: object) -> None:
    """Find what was changed, removed or moved in an export 校验, without the hub. FILE: what `audit export` wrote."""
    from hub.web.access.chain import Head, verified

    assert head is None or isinstance(head, Head)
    try:
        with _to_read(file) as lines:
            found = verified(_bounded(lines), head)
    except UnicodeDecodeError:
        raise FatalError(f"{file} is no UTF-8 text; it was changed") from None
    say(f"{found.entries:,} entries hold 条记录完整; head 链首 {found.entries}:{found.digest}")

"""`cityhub audit`: the trail of who did what, as a file that anybody can verify."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from hub.cli.terminal.options import with_settings
from hub.errors import FatalError
from hub.handed_out import handed_out
from hub.screen import say
from hub.settings import Settings


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


@audit.command()
@click.argument("file", type=click.File("r", encoding="utf-8"), default="-")
@click.option(
    "--head", callback=_head, metavar="NUMBER:DIGEST", help="What an earlier export said: it must stand in this one."
)
def verify(file: TextIO, head: object) -> None:
    """Find what was changed, removed or moved in an export 校验, without the hub. FILE: what `audit export` wrote."""
    from hub.web.access.chain import Head, verified

    assert head is None or isinstance(head, Head)
    try:
        found = verified((line.rstrip("\n") for line in file), head)
    except UnicodeDecodeError:
        raise FatalError(f"{getattr(file, 'name', sys.stdin)} is no UTF-8 text; it was changed") from None
    say(f"{found.entries:,} entries hold 条记录完整; head 链首 {found.entries}:{found.digest}")

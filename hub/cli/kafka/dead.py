"""`cityhub dead`: look at dead letters and send them back."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable
from typing import Any

import click
from rich.table import Table

from hub.cli.terminal.bars import progress_bar
from hub.cli.terminal.foreign import name_foreign
from hub.cli.terminal.options import with_settings
from hub.cli.terminal.sending import Sender
from hub.clock import iso
from hub.errors import FatalError, Reason
from hub.inspect.letters import Letter, Letters, read_letters
from hub.screen import Screen, say, say_json
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import DEAD

_SHOWN_BYTES = 2000
_DETAIL_CHARS = 100
_WIDTH = 150
"""Where there is no terminal to ask."""


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--stage", help="Only of this agent or connector, as in track or connector:police.")(command)
    return click.option("--reason", type=click.Choice([str(each) for each in Reason]), help="Only for this reason.")(
        command
    )


@click.group()
def dead() -> None:
    """Dead letters 死信: records that could not be used, with their bytes and why."""


@dead.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@with_settings
def list_command(settings: Settings, stage: str | None, reason: str | None, limit: int, as_json: bool) -> None:
    """The newest dead letters, and how many there are for which reason."""
    letters = _read(settings, stage, reason)
    name_foreign([f"{DEAD.name} {each}" for each in letters.foreign])
    found = letters.letters
    chosen = sorted(found, key=lambda each: each.letter["at"])[-limit:]
    if as_json:
        for each in chosen:
            say_json(_as_dict(each, whole=False))
        return
    table = Table("id", "set aside", "stage", "reason 原因", "came in at 来处", "detail", show_edge=False)
    for each in chosen:
        table.add_row(
            each.id,
            iso(each.letter["at"])[:19],
            each.stage,
            each.reason,
            each.place,
            each.letter["detail"][:_DETAIL_CHARS],
        )
    console = Screen()
    (console if console.is_terminal else Screen(width=_WIDTH)).print(table)
    for (where, why), count in Counter((each.stage, each.reason) for each in found).most_common():
        say(f"{count:,} {where} {why}")
    say(f"{len(found):,} dead letters, {len(chosen):,} shown" if found else "no dead letters")


@dead.command("show")
@click.argument("letter", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; bytes as base64.")
@with_settings
def show(settings: Settings, letter: str, as_json: bool) -> None:
    """One dead letter whole, and the way out. ID is as `dead list` shows it, as in 3:15."""
    found = next((each for each in _read(settings, None, None).letters if each.id == letter), None)
    if found is None:
        raise FatalError(f"no dead letter {letter}; `cityhub dead list` shows their ids, as in 3:15")
    if as_json:
        say_json(_as_dict(found, whole=True))
        return
    for name, said in _as_dict(found, whole=False).items():
        say(f"{name:>10}  {said}")
    value = found.letter["value"] or b""
    say(f"{'value':>10}  {len(value):,} bytes")
    if found.truncated:
        say(f"{'whole':>10}  {found.letter['size_bytes'] or 0:,} bytes, sha256 {found.letter['sha256']}")
    say(_readable(value[:_SHOWN_BYTES]) + (" ..." if len(value) > _SHOWN_BYTES else ""))


@dead.command("resend")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@_filters
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; implies --yes.")
@with_settings
def resend(
    settings: Settings, ids: tuple[str, ...], stage: str | None, reason: str | None, yes: bool, as_json: bool
) -> None:
    """Send the original bytes back to the topic they came from 重发. The letters stay where they are.

    Each is judged again like any record: unless something was mended, the same letter is written once more. What an agent
    had already admitted is left out, as it would only be a repeat, and so is what was too large for its letter and is not here
    whole; `dead show` says what helps instead.
    """
    found = [each for each in _read(settings, stage, reason).letters if not ids or each.id in ids]
    missing = set(ids) - {each.id for each in found}
    if missing:
        raise FatalError(f"no such dead letter: {', '.join(sorted(missing))}; `cityhub dead list` shows their ids")
    chosen = [each for each in found if each.topic is not None]
    left = len(found) - len(chosen)
    if chosen and not (yes or as_json):
        say(f"{len(chosen):,} records go back to {', '.join(sorted({each.topic or '' for each in chosen}))}.")
        click.confirm(
            "They will be judged again, and come back here unless the cause is mended. Send them?", abort=True
        )
    with progress_bar("Sending again") as on_progress, Sender(settings) as sender:
        for number, each in enumerate(chosen, 1):
            sender.send(each.topic or "", each.letter["key"], each.letter["value"])
            on_progress(number, len(chosen))
    if as_json:
        say_json({"sent": sender.sent, "left": left})
        return
    say(
        f"{sender.sent:,} sent again"
        + (f", {left:,} cannot be; `cityhub dead show ID` says what helps" if left else "")
    )


def _read(settings: Settings, stage: str | None, reason: str | None) -> Letters:
    with progress_bar("Reading dead letters") as on_progress:
        return read_letters(settings, Codec(make_registry(settings)), on_progress, stage=stage, reason=reason)


def _as_dict(letter: Letter, *, whole: bool) -> dict[str, Any]:
    record = letter.letter
    facts = {
        "id": letter.id, "at": iso(record["at"]), "stage": letter.stage, "reason": letter.reason, "detail": record["detail"],
        "place": letter.place, "resendable": letter.topic is not None, "way_out": letter.way_out,
    }  # fmt: skip
    if whole:
        key, value = (
            None if record[name] is None else base64.b64encode(record[name]).decode() for name in ("key", "value")
        )
        facts |= {
            "origin": record["origin"],
            "until": letter.until,
            "file": record["file"],
            "line": record["line"],
            "key": key,
            "value": value,
            "truncated": letter.truncated,
            "size_bytes": record.get("size_bytes"),
            "sha256": record.get("sha256"),
        }
    return facts


def _readable(data: bytes) -> str:
    """As text where it is text, else as hexadecimal."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data.hex(" ")
    return text if all(char.isprintable() or char in "\r\n\t" for char in text) else data.hex(" ")

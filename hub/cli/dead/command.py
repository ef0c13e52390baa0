"""`cityhub dead`: look at dead letters, and the commands that deal with them."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import click
from rich.table import Table

from hub.cli.dead import mend, resend
from hub.cli.dead.choice import filters, state_filter
from hub.cli.dead.record import chosen_letters, codec_for, dealt_with, letters_there, running_clocks_note
from hub.cli.terminal.foreign import name_foreign
from hub.cli.terminal.options import with_settings
from hub.clock import iso
from hub.escaping import to_json
from hub.inspect.letters import Letter
from hub.inspect.mending.contents import contents_of
from hub.inspect.mending.dealt import Dealt
from hub.inspect.mending.groups import grouped, sender_of
from hub.screen import Screen, say, say_json, say_lines
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.topics import DEAD

_SHOWN_BYTES = 2000
_DETAIL_CHARS = 100
_WIDTH = 150
"""Where there is no terminal to ask."""


@click.group()
def dead() -> None:
    """Dead letters 死信: records that could not be used, with their bytes and why. What is done with them is in `cityhub audit`."""


@dead.command("list")
@filters
@state_filter
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@with_settings
def list_command(
    settings: Settings, stage: str | None, reason: str | None, state: str, limit: int, as_json: bool
) -> None:
    """The newest dead letters, and how many there are for which reason. Closed ones are left out, unless asked for."""
    letters, dealt = letters_there(settings, stage, reason), dealt_with(settings)
    name_foreign([f"{DEAD.name} {each}" for each in letters.foreign])
    found = [letter for letter in letters.letters if state in ("all", dealt.state(letter))]
    chosen = sorted(found, key=lambda each: each.letter["at"])[-limit:]
    if as_json:
        for letter in chosen:
            say_json(_as_dict(letter, dealt, whole=False))
        return
    table = Table("id", "set aside", "stage", "reason 原因", "came in at 来处", "state 状态", "detail", show_edge=False)
    for letter in chosen:
        table.add_row(
            letter.id, iso(letter.letter["at"])[:19], letter.stage, letter.reason, letter.place, dealt.state(letter),
            letter.letter["detail"][:_DETAIL_CHARS],
        )  # fmt: skip
    _screen().print(table)
    for (where, why), count in Counter((each.stage, each.reason) for each in found).most_common():
        say(f"{count:,} {where} {why}")
    say(f"{len(found):,} dead letters, {len(chosen):,} shown" if found else "no dead letters")


@dead.command("groups")
@filters
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@with_settings
def groups(settings: Settings, stage: str | None, reason: str | None, as_json: bool) -> None:
    """Dead letters by cause, sender and owner 分组, with their ages; those with most that is open first."""
    letters = letters_there(settings, stage, reason)
    owners = {name: manifest.owner.both for name, manifest in discover().items()}
    found = grouped(letters.letters, dealt_with(settings), owners)
    if as_json:
        say_json([group._asdict() for group in found], indent=2)
        return
    table = Table(
        "reason 原因", "sender 来源", "owner 负责", "stage 环节", "open 未处理", "sent 已重发", "closed 已关闭", "oldest 最早",
        "newest 最近", show_edge=False,
    )  # fmt: skip
    for group in found:
        counts = (f"{count:,}" for count in (group.open, group.sent, group.closed))
        times = (iso(at_ms)[:19] for at_ms in (group.oldest_ms, group.newest_ms))
        table.add_row(group.reason, group.sender, group.owner, group.stage, *counts, *times)
    _screen().print(table)


@dead.command("show")
@click.argument("letter", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; bytes as base64.")
@with_settings
def show(settings: Settings, letter: str, as_json: bool) -> None:
    """One dead letter whole: what it says, its bytes, the way out, what was done. ID is as `dead list` shows it, as in 3:15."""
    (found,) = chosen_letters(letters_there(settings, None, None).letters, [letter])
    dealt, contents = dealt_with(settings), contents_of(found, codec_for(settings))
    clocks = running_clocks_note(settings, contents)
    if as_json:
        told = {"form": contents and contents.form, "record": contents and contents.record, "clocks": clocks or None}
        say_json(_as_dict(found, dealt, whole=True) | told, default=str)
        return
    for name, text in _as_dict(found, dealt, whole=False).items():
        say(f"{name:>10}  {text}")
    if clocks:
        say(f"{'clocks':>10}  {clocks}")
    if contents is not None:
        say(f"{'is':>10}  {contents.form}")
        say_lines(to_json(contents.record, indent=2, default=str))
    value = found.letter["value"] or b""
    say(f"{'value':>10}  {len(value):,} bytes")
    if found.truncated:
        say(f"{'whole':>10}  {found.letter['size_bytes'] or 0:,} bytes, sha256 {found.letter['sha256']}")
    say(_readable(value[:_SHOWN_BYTES]) + (" ..." if len(value) > _SHOWN_BYTES else ""))


def _as_dict(letter: Letter, dealt: Dealt, *, whole: bool) -> dict[str, Any]:
    record, last = letter.letter, dealt.last(letter)
    facts = {
        "id": letter.id, "at": iso(record["at"]), "stage": letter.stage, "reason": letter.reason, "detail": record["detail"],
        "place": letter.place, "sender": sender_of(letter), "state": dealt.state(letter).value,
        "resendable": letter.topic is not None, "way_out": letter.way_out,
    }  # fmt: skip
    if last is not None:
        facts["done"] = f"{last.what} by {last.who} at {iso(last.at_ms)}: {to_json(last.after)}"
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


def _screen() -> Screen:
    console = Screen()
    return console if console.is_terminal else Screen(width=_WIDTH)


def _readable(data: bytes) -> str:
    """As text where it is text, else as hexadecimal."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data.hex(" ")
    return text if all(char.isprintable() or char in "\r\n\t" for char in text) else data.hex(" ")


for command in (resend.resend, mend.edit, mend.close, mend.reopen):
    dead.add_command(command)

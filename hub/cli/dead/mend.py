"""`cityhub dead edit`, `close` and `reopen`: a letter's record is mended and sent, or nothing is to be done any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hub.cli.dead.choice import filters
from hub.cli.dead.record import chosen_letters, codec_for, dealt_with, letters_there, note_deeds, running_clocks_note
from hub.cli.dead.resend import RATE, send_paced
from hub.cli.terminal.options import with_settings
from hub.clock import wall_ms
from hub.declared.texts import open_regular, read_text
from hub.errors import FatalError, HubError
from hub.inspect.letters import Letter
from hub.inspect.mending.contents import contents_of, most_ahead_ms, text_in
from hub.inspect.mending.dealt import CLOSE, MOST_TIMES, MOST_WHY_CHARS, REOPEN, RESEND, Dealt, LetterState
from hub.inspect.mending.edits import diff_lines, fields_that_differ, record_in, record_text, with_fields
from hub.inspect.mending.rows import MendedRecord, faults_of_mended, mended_records
from hub.screen import say, say_json, say_lines
from hub.settings import Settings
from hub.stream.avro.codec import Codec

_MOST_HEADER_BYTES = 100_000


@click.command()
@click.argument("letter_id", metavar="ID")
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="A field, as in place.lat=31.2; may be given again."
)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The whole record as JSON, in its place.",
)
@click.option("--mapping", help="Of a connector's row: the mapping that reads it.  [the connector's own]")
@click.option(
    "--header", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Of a row of CSV: a file whose first line has the names of its columns, as the one that it came from.",
)  # fmt: skip
@click.option("--again", is_flag=True, help=f"Though these bytes were sent {MOST_TIMES} times.")
@click.option("--dry-run", is_flag=True, help="Show what would be changed and whether it would be taken; send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings
def edit(
    settings: Settings, letter_id: str, changes: tuple[str, ...], file: Path | None, mapping: str | None,
    header: Path | None, again: bool, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Mend a record 修正, see the difference, have it validated, and send it. Without --set and --file in your editor.

    The row of a connector's letter is mended as JSON of its columns, and sent as the event that the connector makes of it.
    Values are shown here and kept nowhere: the trail has the names of what was changed.
    """
    codec = codec_for(settings)
    (letter,) = chosen_letters(letters_there(settings, None, None).letters, [letter_id])
    contents = contents_of(letter, codec, _first_line(header) if header else None)
    if contents is None and file is None:
        raise FatalError(
            "these bytes cannot be read as a record; give the whole record by --file, or --header of a row of CSV"
        )
    before = contents.record if contents else {}
    after = record_in(_text_of(file)) if file else with_fields(before, changes) if changes else _edited(before)
    lines = diff_lines(before, after)
    if not lines:
        raise FatalError("nothing is changed; `cityhub dead resend` sends it as it was")
    say_lines("\n".join(lines))
    records = mended_records(codec, letter, after, mapping)
    _require_sound(settings, codec, records)
    _require_rare(records, dealt_with(settings), again=again)
    if clocks := running_clocks_note(settings, contents):
        say(clocks)
    if dry_run:
        say("it would be taken 校验通过; nothing was sent 试运行")
        return
    if not yes:
        click.confirm(
            f"It goes to {', '.join(sorted({record.kind.topic.name for record in records}))}. Send it?", abort=True
        )
    _send(settings, letter, records, sorted(fields_that_differ(before, after)))
    say("sent 已发送")


def _first_line(file: Path) -> str:
    with _readable(file), open_regular(file) as opened:
        return (text_in(opened.readline(_MOST_HEADER_BYTES)) or "").rstrip("\r\n")


def _text_of(file: Path) -> str:
    with _readable(file):
        return read_text(file)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise FatalError(f"{file} cannot be read ({error})") from None


def _edited(before: dict[str, object]) -> dict[str, object]:
    text = click.edit(record_text(before), extension=".json")
    if text is None:
        raise FatalError("nothing was saved; give --set NAME=VALUE or --file where there is no editor")
    return record_in(text)


def _require_sound(settings: Settings, codec: Codec, records: list[MendedRecord]) -> None:
    """Raises FatalError with all that it would be set aside for."""
    found = faults_of_mended(codec, records, wall_ms(), most_ahead_ms(settings))
    if found:
        raise FatalError(
            "it would be set aside again:\n" + "\n".join(f"{fault.reason}: {fault.detail}" for fault in found)
        )


def _require_rare(records: list[MendedRecord], dealt: Dealt, *, again: bool) -> None:
    if not again and any(dealt.times(record.digest) >= MOST_TIMES for record in records):
        raise FatalError(f"these bytes were sent {MOST_TIMES} times already, so they are not what helps (--again)")


def _send(settings: Settings, letter: Letter, records: list[MendedRecord], fields: list[str]) -> None:
    told = [{"topic": record.kind.topic.name, "bytes": record.digest, "fields": fields} for record in records]
    note_deeds(settings, [(RESEND, letter, each) for each in told])
    try:
        send_paced(settings, [(each.kind.topic.name, each.key, each.value) for each in records], RATE)
    except HubError:
        note_deeds(settings, [(f"{RESEND}.failed", letter, None)])
        raise


_why = click.option("--why", required=True, help="The reason, which is kept; no names of persons.")


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@filters
@_why
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; implies --yes.")
@with_settings
def close(
    settings: Settings, ids: tuple[str, ...], stage: str | None, reason: str | None, why: str, yes: bool, as_json: bool
) -> None:
    """Say that nothing is to be done about letters any more 关闭, and why. They stay in hub.dead as long as that keeps them."""
    _deal(settings, CLOSE, ids, (stage, reason), why, yes=yes, as_json=as_json)


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@_why
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_settings
def reopen(settings: Settings, ids: tuple[str, ...], why: str, as_json: bool) -> None:
    """Say that something is to be done about closed letters after all 重新打开."""
    _deal(settings, REOPEN, ids, (None, None), why, yes=True, as_json=as_json)


def _deal(
    settings: Settings, what: str, ids: tuple[str, ...], chosen: tuple[str | None, str | None], why: str, *, yes: bool,
    as_json: bool,
) -> None:  # fmt: skip
    if not 0 < len(why.strip()) <= MOST_WHY_CHARS:
        raise FatalError(f"say why in 1 to {MOST_WHY_CHARS:,} characters")
    dealt = dealt_with(settings)
    letters = chosen_letters(letters_there(settings, *chosen).letters, ids)
    wanted = [letter for letter in letters if (dealt.state(letter) is LetterState.CLOSED) is (what == REOPEN)]
    if wanted and not (yes or as_json):
        click.confirm(f"Close {len(wanted):,} letters?", abort=True)
    note_deeds(settings, [(what, letter, {"why": why.strip()}) for letter in wanted])
    word = "closed 已关闭" if what == CLOSE else "reopened 已重新打开"
    if as_json:
        say_json({word.split(" ")[0]: len(wanted)})
    else:
        say(f"{len(wanted):,} {word}")

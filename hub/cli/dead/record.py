"""What commands know of the letters beside the letters themselves: what was done with them, and which clocks run."""

from __future__ import annotations

from collections.abc import Sequence

from hub.cli.terminal.bars import progress_bar
from hub.clock import iso
from hub.errors import FatalError, HubError
from hub.inspect.letters import Letter, Letters, read_letters
from hub.inspect.mending.contents import LetterContents, case_asked_of
from hub.inspect.mending.dealt import Dealt
from hub.ledger.database import has_ledger, opened_ledger
from hub.ledger.queries import case_of, live_clocks
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.web.access.file import opened_file
from hub.web.access.trail import note_command
from hub.web.letters.deeds import DeedBook, deed_act


def codec_for(settings: Settings) -> Codec:
    return Codec(make_registry(settings))


def letters_there(settings: Settings, stage: str | None, reason: str | None) -> Letters:
    """Read from hub.dead, with a bar."""
    with progress_bar("Reading dead letters") as on_progress:
        return read_letters(settings, codec_for(settings), on_progress, stage=stage, reason=reason)


def chosen_letters(letters: Sequence[Letter], ids: Sequence[str]) -> list[Letter]:
    """Those with these ids, or all. Raises FatalError for an id of none."""
    if missing := set(ids) - {letter.id for letter in letters}:
        raise FatalError(
            f"no dead letter {', '.join(sorted(missing))}; `cityhub dead list --state all` shows their ids, as in 3:15"
        )
    return [letter for letter in letters if not ids or letter.id in ids]


def dealt_with(settings: Settings) -> Dealt:
    """From the trail of this state directory."""
    with opened_file(settings) as file:
        return DeedBook(file, settings).dealt()


def note_deeds(settings: Settings, deeds: Sequence[tuple[str, Letter, object]]) -> None:
    """Each with its name, letter, and what comes of it; before it is done."""
    note_command(settings, *(deed_act(settings, name, letter, after) for name, letter, after in deeds))


def running_clocks_note(settings: Settings, contents: LetterContents | None) -> str:
    """A sentence on the clocks that run of the case that a record is about; empty if it is about none that is known."""
    asked = case_asked_of(contents)
    if asked is None:
        return ""
    if not has_ledger(settings):
        return "whether a clock runs is not known: there is no ledger 台账 here"
    try:
        with opened_ledger(settings) as database, database.transaction() as connection:
            case_id = asked if isinstance(asked, str) else case_of(connection, *asked)
            clocks = live_clocks(connection, case_id) if case_id else []
    except HubError as error:
        return f"whether a clock runs is not known: {error}"
    said = ", ".join(f"{clock} until {iso(due_ms)}" for clock, due_ms in clocks)
    return f"a clock runs 时限进行中: case {case_id}, {said}" if said else ""

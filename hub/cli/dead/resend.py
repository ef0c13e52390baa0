"""`cityhub dead resend`: original bytes go back to where they came from, slowly, and not in circles."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from hub.cli.dead.choice import filters
from hub.cli.dead.record import chosen_letters, codec_for, dealt_with, letters_there, note_deeds, running_clocks_note
from hub.cli.terminal.bars import progress_bar
from hub.cli.terminal.options import with_settings
from hub.cli.terminal.sending import Sender
from hub.clock import wall_ms
from hub.errors import HubError
from hub.inspect.mending.contents import contents_of, most_ahead_ms
from hub.inspect.mending.dealt import MOST_TIMES, RESEND
from hub.inspect.mending.redrive import RedrivePlan, Resent, coming_back, paced, plan_redrive
from hub.screen import say, say_json
from hub.settings import Settings

RATE = 200.0
_NAMED = 5


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@filters
@click.option(
    "--rate", type=click.FloatRange(0.1, 10_000), default=RATE, show_default=True, help="Records a second at most."
)
@click.option(
    "--again", is_flag=True, help=f"What was sent or closed before, too, and what was sent {MOST_TIMES} times."
)
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and what would come back at once.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; implies --yes.")
@with_settings
def resend(
    settings: Settings, ids: tuple[str, ...], stage: str | None, reason: str | None, rate: float, again: bool, dry_run: bool,
    yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Send the original bytes back to the topic they came from 重发. The letters stay where they are.

    Each is judged again like any record: unless something was mended, the same letter is written once more. What an agent
    had already admitted is left out, as it would only be a repeat, and so is what was too large for its letter and is not here
    whole; `dead show` says what helps instead. The same bytes go once in one run and three times in all.
    """
    letters = chosen_letters(letters_there(settings, stage, reason).letters, ids)
    plan = plan_redrive(letters, dealt_with(settings), named=bool(ids), again=again)
    if not as_json and plan.sent:
        _foretell(settings, plan.sent)
    if plan.sent and not (yes or as_json or dry_run):
        click.confirm("They will be judged again. Send them?", abort=True)
    sent = 0 if dry_run or not plan.sent else _send(settings, plan.sent, rate)
    _tell(plan, sent, dry_run=dry_run, as_json=as_json)


def _foretell(settings: Settings, sent: list[Resent]) -> None:
    codec = codec_for(settings)
    back = coming_back(codec, sent, wall_ms(), most_ahead_ms(settings))
    say(f"{len(sent):,} records go back to {', '.join(sorted({each.topic for each in sent}))}.")
    if back:
        counted = ", ".join(f"{count:,} {why}" for why, count in back.most_common())
        say(
            f"{back.total():,} of them would come back at once 将再次成为死信: {counted}; mend one by `cityhub dead edit ID`."
        )
    for each in sent[:_NAMED]:
        if clocks := running_clocks_note(settings, contents_of(each.letter, codec)):
            say(f"{each.letter.id}: {clocks}")


def _send(settings: Settings, sent: list[Resent], rate: float) -> int:
    """In the trail first; if it is not known to have arrived, that too."""
    note_deeds(settings, [(RESEND, each.letter, {"topic": each.topic, "bytes": each.digest}) for each in sent])
    records = [(each.topic, each.letter.letter["key"], each.letter.letter["value"]) for each in sent]
    try:
        return send_paced(settings, records, rate)
    except HubError:
        note_deeds(settings, [(f"{RESEND}.failed", each.letter, None) for each in sent])
        raise


def send_paced(settings: Settings, records: Sequence[tuple[str, bytes | None, bytes | None]], rate: float) -> int:
    """How many arrived. Raises FatalError if not all did."""
    with progress_bar("Sending again") as on_progress, Sender(settings) as sender:
        for number, record in enumerate(paced(records, rate, time.monotonic, time.sleep), 1):
            sender.send(*record)
            on_progress(number, len(records))
    return sender.sent


def _tell(plan: RedrivePlan, sent: int, *, dry_run: bool, as_json: bool) -> None:
    left = plan.left.total()
    if as_json:
        document = {"sent": sent, "left": left} | ({"would_send": len(plan.sent)} if dry_run else {})
        say_json(document | ({"why": dict(plan.left)} if left else {}))
        return
    say(f"{len(plan.sent):,} would be sent again 试运行" if dry_run else f"{sent:,} sent again")
    for why, count in plan.left.most_common():
        say(f"{count:,} left 未重发: {why}")

"""`python -m loadtests.alarms`: make faults beside the real Prometheus and Alertmanager; print what was promised and what came."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from hub.errors import HubError
from loadtests.alarms.faults import FAULTS, ROUNDS, AlarmedFault
from loadtests.alarms.inbox import AlarmInbox, Heard
from loadtests.alarms.monitoring import Monitoring
from loadtests.alarms.page import put_into_page, shown
from loadtests.alarms.watched import WatchedHub

_PACE = 5.0
_OVER_SECONDS = 120.0
_GROUP_SECONDS = 300.0
_LOOK_SECONDS = 0.2
_LATE_FACTOR = 2.0
"""So many times the promise is waited, so that what comes late is told as late."""
_MAIL_SECONDS = 30.0
"""So much later than the webhook the mail may come."""


@dataclass(frozen=True)
class Seen:
    """What came of one fault. Seconds from the fault to webhook and mail, and from its healing to the webhook; None: it did
    not come, or was not waited for."""

    fault: str
    alert: str
    promised: float
    raised: float | None
    mailed: float | None
    over: float | None
    note: str = ""

    @property
    def is_kept(self) -> bool:
        return bool(self.note) or (self.raised is not None and self.raised <= self.promised and self.mailed is not None)


def seen_of(together: Sequence[AlarmedFault], hub: WatchedHub, inbox: AlarmInbox, pace: float) -> list[Seen]:
    """Make them, wait for webhook and mail to hear of them, heal them, wait for their end."""
    left_out = [each for each in together if each.alert == "HubLedgerBehind" and not hub.disk.mounted]
    begun = [(fault, fault.make(hub)) for fault in together if fault not in left_out]
    told = [_told(fault, began, inbox, pace) for fault, began in begun]
    healed = [_healed(fault, hub) for fault, _ in begun]
    found = [
        Seen(
            fault.name, fault.alert, fault.promised(pace), *heard,
            None if since is None else _wait(lambda: inbox.heard, fault, True, since, _OVER_SECONDS + _GROUP_SECONDS / pace),
        )
        for (fault, _), heard, since in zip(begun, told, healed, strict=True)
    ]  # fmt: skip
    return found + [
        Seen(each.name, each.alert, each.promised(pace), None, None, None, "left out: no right to mount a small disk")
        for each in left_out
    ]


def _told(fault: AlarmedFault, began: float, inbox: AlarmInbox, pace: float) -> tuple[float | None, float | None]:
    raised = _wait(lambda: inbox.heard, fault, False, began, _LATE_FACTOR * fault.promised(pace))
    if raised is None:
        return None, None
    return raised, _wait(lambda: inbox.mailed, fault, False, began, raised + _MAIL_SECONDS)


def _healed(fault: AlarmedFault, hub: WatchedHub) -> float | None:
    if fault.heal is None:
        return None
    fault.heal(hub)
    return time.time()


def _wait(
    inbox: Callable[[], Sequence[Heard]], fault: AlarmedFault, over: bool, since: float, seconds: float
) -> float | None:
    while True:
        found = next((each for each in inbox() if _is(each, fault, over, since)), None)
        if found is not None:
            return found.seconds - since
        if time.time() > since + seconds:
            return None
        time.sleep(_LOOK_SECONDS)


def _is(heard: Heard, fault: AlarmedFault, over: bool, since: float) -> bool:
    """A mail names no labels: it is one of that alert."""
    wanted = (fault.labels or {}).items() if heard.labels else {}.items()
    return (
        (heard.alert, heard.is_over) == (fault.alert, over)
        and wanted <= heard.labels.items()
        and heard.seconds >= since
    )


def table_of(seen: list[Seen], pace: float) -> Table:
    table = Table(
        "fault 故障",
        "alarm 告警",
        "promised 承诺",
        "webhook",
        "mail 邮件",
        "over 恢复",
        title=f"everything that is waited divided by {pace:g}",
    )
    for each in seen:
        raised = each.note or shown(each.raised)
        table.add_row(
            each.fault,
            each.alert,
            shown(each.promised),
            raised if each.is_kept else f"[bold red]{raised}",
            shown(each.mailed),
            shown(each.over),
        )
    return table


def play(folder: Path, pace: float, chosen: tuple[str, ...], say: Callable[[str], None]) -> list[Seen]:
    """All faults, round by round, or those of these alarms. Raises HubError where the hub itself cannot be had."""
    found = []
    with ExitStack() as stack:
        inbox = stack.enter_context(AlarmInbox())
        hub = stack.enter_context(WatchedHub(folder / "hub"))
        stack.enter_context(Monitoring(folder / "monitoring", hub.targets, inbox, pace))
        hub.report("road.pothole", 20)
        for together in ROUNDS:
            wanted = [fault for fault in together if not chosen or fault.alert in chosen]
            for fault in wanted:
                say(f"{fault.name}: {fault.alert} within {fault.promised(pace):,.0f} s")
            for seen in seen_of(wanted, hub, inbox, pace):
                found.append(seen)
                say(
                    f"  {seen.alert}: {seen.note or shown(seen.raised)}, mail {shown(seen.mailed)}, over {shown(seen.over)}"
                )
    return found


@click.command()
@click.option(
    "--pace", type=click.FloatRange(1), default=_PACE, show_default=True, help="What every `for` is divided by."
)
@click.option(
    "--only", "chosen", multiple=True, type=click.Choice([each.alert for each in FAULTS]), help="May be repeated."
)
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Work in this folder and leave it.")
@click.option("--page", is_flag=True, help="Write what was seen into docs/alarms.md.")
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON array.")
def main(pace: float, chosen: tuple[str, ...], keep: Path | None, page: bool, as_json: bool) -> None:
    """Silence a source, stop a department, a receiver, a worker and a broker, make a mistake in the rules, fill a disk 告警演练.

    Beside each: the alarm that is promised, how soon, and when it came by webhook and mail. Exits with 1 if one was late or did not
    come. Its own Kafka, hub, Prometheus and Alertmanager on loopback; some twenty minutes, with --pace 1 an hour.
    """
    console = Console(stderr=True)
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cityhub-alarms-")))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            found = play(folder.resolve(), pace, chosen, lambda text: console.print(text, highlight=False))
        except HubError as error:
            raise click.ClickException(f"{error}; with --keep DIR the logs are left there") from error
    if page:
        put_into_page(found, pace)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False))
    else:
        Console().print(table_of(found, pace))
    sys.exit(0 if all(each.is_kept for each in found) else 1)


if __name__ == "__main__":
    main()

"""`python -m loadtests.alarms`: make faults beside the real Prometheus and Alertmanager; print what was promised and what came."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from hub.errors import HubError
from loadtests.alarms.faults import FAULTS, AlarmedFault
from loadtests.alarms.inbox import AlarmInbox, Heard
from loadtests.alarms.monitoring import Monitoring
from loadtests.alarms.watched import WatchedHub

_PACE = 20.0
_OVER_SECONDS = 120.0
_LOOK_SECONDS = 0.2
_LATE_FACTOR = 2.0
"""So many times the promise is waited, so that what comes late is told as late."""


@dataclass(frozen=True)
class Seen:
    """What came of one fault. Seconds from the fault, and from its healing; None: it did not come, or was not waited for."""

    fault: str
    alert: str
    promised: float
    raised: float | None
    over: float | None
    note: str = ""

    @property
    def is_kept(self) -> bool:
        return bool(self.note) or (self.raised is not None and self.raised <= self.promised)


def seen_of(fault: AlarmedFault, hub: WatchedHub, inbox: AlarmInbox, pace: float) -> Seen:
    """Make it, wait for the webhook to hear of it, heal it, wait for its end."""
    promised = fault.promised(pace)
    if fault.alert == "HubLedgerBehind" and not hub.disk.mounted:
        return Seen(fault.name, fault.alert, promised, None, None, "left out: no right to mount a small disk")
    began = fault.make(hub)
    raised = _wait(inbox, fault, False, began, _LATE_FACTOR * promised)
    if fault.heal is None:
        return Seen(fault.name, fault.alert, promised, raised, None)
    healed = time.time()
    fault.heal(hub)
    return Seen(fault.name, fault.alert, promised, raised, _wait(inbox, fault, True, healed, _OVER_SECONDS))


def _wait(inbox: AlarmInbox, fault: AlarmedFault, over: bool, since: float, seconds: float) -> float | None:
    while True:
        found = next((each for each in inbox.heard if _is(each, fault, over, since)), None)
        if found is not None:
            return found.seconds - since
        if time.time() > since + seconds:
            return None
        time.sleep(_LOOK_SECONDS)


def _is(heard: Heard, fault: AlarmedFault, over: bool, since: float) -> bool:
    wanted = (fault.labels or {}).items()
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
        "raised 告知",
        "over 恢复",
        title=f"every `for` divided by {pace:g}",
    )
    for each in seen:
        raised = each.note or _shown(each.raised)
        table.add_row(
            each.fault,
            each.alert,
            _shown(each.promised),
            raised if each.is_kept else f"[bold red]{raised}",
            _shown(each.over),
        )
    return table


def _shown(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:,.0f} s"


def play(folder: Path, pace: float, chosen: tuple[str, ...], say: Callable[[str], None]) -> list[Seen]:
    """All faults in turn, or those of these alarms. Raises HubError where the hub itself cannot be had."""
    found = []
    with ExitStack() as stack:
        inbox = stack.enter_context(AlarmInbox())
        hub = stack.enter_context(WatchedHub(folder / "hub"))
        stack.enter_context(Monitoring(folder / "monitoring", hub.targets, inbox, pace))
        hub.report("road.pothole", 20)
        for fault in FAULTS:
            if not chosen or fault.alert in chosen:
                say(f"{fault.name}: {fault.alert} within {fault.promised(pace):,.0f} s")
                found.append(seen_of(fault, hub, inbox, pace))
    return found


@click.command()
@click.option(
    "--pace", type=click.FloatRange(1), default=_PACE, show_default=True, help="What every `for` is divided by."
)
@click.option(
    "--only", "chosen", multiple=True, type=click.Choice([each.alert for each in FAULTS]), help="May be repeated."
)
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Work in this folder and leave it.")
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON array.")
def main(pace: float, chosen: tuple[str, ...], keep: Path | None, as_json: bool) -> None:
    """Silence a source, stop a department, a receiver, a worker and a broker, make a mistake in the rules, fill a disk 告警演练.

    Beside each: the alarm that is promised, how soon, and when it came by the webhook. Exits with 1 if one was late or did not
    come. Its own Kafka, hub, Prometheus and Alertmanager on loopback; some ten minutes.
    """
    console = Console(stderr=True)
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cityhub-alarms-")))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            found = play(folder.resolve(), pace, chosen, lambda text: console.print(text, highlight=False))
        except HubError as error:
            raise click.ClickException(f"{error}; with --keep DIR the logs are left there") from error
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False))
    else:
        Console().print(table_of(found, pace))
    sys.exit(0 if all(each.is_kept for each in found) else 1)


if __name__ == "__main__":
    main()

"""`cityhub reconcile`: the audit as a command."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from hub.audit.report import Finding
from hub.cli.terminal.bars import progress_bar
from hub.cli.terminal.options import with_settings
from hub.screen import Screen, say, say_json
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.ledger.comparing import LedgerComparison


@click.command()
@click.option("--against", metavar="NAMESPACE", help="Compare with another run over the same input on the same broker.")
@click.option("--live", is_flag=True, help="The hub is at work: what it has not read yet is not held against it.")
@click.option(
    "--state/--no-state",
    default=None,
    help="Rebuild the agents' state from its changelogs and compare it too.  [yes, of a hub at rest]",
)
@click.option(
    "--gaps-known", is_flag=True, help="What hub.dead says was gone before it was read is known: it does not fail."
)
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON object.")
@with_settings
def reconcile(
    settings: Settings, against: str | None, live: bool, state: bool | None, gaps_known: bool, as_json: bool
) -> None:
    """Prove from the topics that every record that came in has exactly one outcome 对账.

    Reads all topics whole. Exits with 1 if anything is unaccounted, doubled, without its cause, or was gone before it was read
    (unless --gaps-known), and if what an agent remembers is not what it has published (状态核对); with --against also if the
    runs differ in more than what depends on the order of arrival.

    Topics keep records for unequal times: what is older than the shortest of them, of the topics of which anything has expired, is
    too old to be judged (已过期不可考) and counted as such.

    State and outputs are read at different moments, so they are compared of a hub at rest only. Of one at work it is said what
    could not be compared, and with --state that fails.
    """
    if state and live:
        raise click.UsageError(
            "--state compares what is written at different moments: stop feeding the hub, not --live"
        )
    from hub.audit import StateReport, Unrest, audit, audit_with_state, compare_runs
    from hub.policy import load_city
    from hub.sdk.manifest import discover
    from hub.stream.kafka.known import sources_there

    sources, departments = sources_there(settings, discover()), list(load_city(settings.city).departments)
    with progress_bar("Reading the topics 对账") as on_progress:
        rebuilt: StateReport | Unrest | None
        if state or (state is None and not live):
            report, rebuilt = audit_with_state(settings, sources, departments, on_progress=on_progress)
        else:
            report, rebuilt = audit(settings, sources, departments, on_progress=on_progress), None
    comparison = None
    if against is not None:
        with progress_bar("Comparing 比对") as on_progress:
            comparison = compare_runs(settings, against, sources, departments, on_progress=on_progress)
    ledger = _ledger(settings)
    judged = replace(report, losses=()) if gaps_known else report
    good = judged.good_so_far if live else judged.good
    compared = rebuilt if isinstance(rebuilt, StateReport) else None
    good = (
        good
        and (compared.good if compared is not None else not state)
        and (ledger is None or not (ledger.differing or (ledger.gone and not gaps_known)))
    )
    if as_json:
        facts = report.as_dict() | {"good": good}
        if rebuilt is not None:
            facts["state"] = rebuilt.as_dict()
        if ledger is not None:
            facts["ledger"] = ledger._asdict()
        if comparison is not None:
            facts["comparison"] = comparison.as_dict()
        say_json(facts, indent=2)
    else:
        _show("reconciliation 对账", report.rows())
        _name(report.findings)
        if rebuilt is not None:
            _show("state 状态核对", rebuilt.rows())
            _name(rebuilt.findings)
        if comparison is not None:
            _show(f"{settings.namespace or '(no namespace)'} against 比对 {against}", comparison.rows())
            _name((*comparison.differences, *comparison.order_dependent))
        if ledger is not None:
            say(ledger.line())
        verdict = f"{report.unaccounted:,} unaccounted, {report.doubled:,} doubled, {report.orphaned:,} other defects"
        if report.gone:
            verdict += f", {report.gone:,} gone before they were read"
        verdict += (
            f", {compared.disagreements:,} disagreements of state" if compared is not None else ", state not compared"
        )
        Screen().print(Text(verdict, f"bold {'green' if good else 'red'}"))
        if report.waiting.count and not live:
            say("Some records are not read yet: is a worker running? Look again when it is done, or use --live.")
    sys.exit(0 if good and (comparison is None or comparison.good) else 1)


def _ledger(settings: Settings) -> LedgerComparison | None:
    """Beside the topics, where one is kept."""
    from hub.ledger.comparing import compare_ledger
    from hub.ledger.database import has_ledger, opened_ledger

    if not has_ledger(settings):
        return None
    with progress_bar("Comparing the ledger 核对台账") as on_progress, opened_ledger(settings) as database:
        return compare_ledger(settings, database, on_progress)


def _show(title: str, rows: Iterable[tuple[str, str]]) -> None:
    table = Table(title, show_edge=False)
    table.add_column("records", justify="right")
    for row in rows:
        table.add_row(*row)
    Screen().print(table)


def _name(findings: Iterable[Finding]) -> None:
    for each in findings:
        if each.count:
            say(f"{each.what}: {', '.join(each.first)}{', ...' if each.count > len(each.first) else ''}")

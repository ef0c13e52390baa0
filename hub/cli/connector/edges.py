"""`cityhub connector status | pause | resume | reset`: edges and sinks of connectors.yaml, by the files of their state."""

from __future__ import annotations

import click
from rich.table import Table

from hub.cli.connector.times import time_option_ms
from hub.cli.terminal.options import running_here
from hub.clock import wall_ms
from hub.screen import Screen, say, say_json
from hub.sdk.running.edges import Edge, chosen, edges_folder, load_edges
from hub.sdk.running.runner import RunnerOptions
from hub.sdk.running.status import OWNER_NAMES, Board, Lock, Status, Wish
from hub.sdk.sinks.served import SinkEdge, load_sinks, reset_sink
from hub.settings import Settings
from hub.web.access.chain import AuditedAct
from hub.web.access.trail import note_command

_out = Screen(soft_wrap=True)
_NAMES = 5
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


@click.command("status")
@click.argument("names", nargs=-1)
@_as_json
def status(names: tuple[str, ...], as_json: bool) -> None:
    """What each edge and sink is doing, since when, and whose turn it is."""
    settings = running_here(Settings.from_env())
    found = [_status(each, settings) for each in chosen(_all(settings), names).values()]
    if as_json:
        say_json([each.as_dict() for each in found])
        return
    # by the names that commands take: those of states begin with the namespace
    _show([each.model_copy(update={"name": each.name.removeprefix(settings.namespace)}) for each in found])


def _show(statuses: list[Status]) -> None:
    """Numbers as a table that fits into 80 columns; under it a line for each edge of which there is more to say."""
    named = ("edge 接入", "state 状态", "for", "last", "passed on", "set aside")
    waits = any(each.waiting for each in statuses)
    table = Table(*named, *["waiting 待送"] * waits, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for each in statuses:
        table.add_row(
            each.name, each.state, _age(each.since), _age(each.progress_at), f"{each.published:,}", f"{each.rejected:,}",
            *[_waiting(each)] * waits,
        )  # fmt: skip
    _out.print(table)
    for each in statuses:
        if why := _why(each):
            _out.print(f"{each.name}{f' ({each.connector})' * (each.connector != each.name)}: {why}")


def _why(status: Status) -> str:
    came, went = (", ".join(names[:_NAMES]) for names in (status.appeared, status.vanished))
    said = [
        "its process is gone" if status.gone else "",
        status.why,
        f"whose turn 待办: {OWNER_NAMES.get(status.owner, status.owner)}" if status.owner else "",
        f"new columns 新字段: {came}" if came else "",
        f"columns gone 缺失字段: {went}" if went else "",
    ]
    return " · ".join(filter(None, said))


@click.command("pause")
@click.argument("name")
@click.option("--why", default="somebody asked for it", show_default=True, help="Shown by `status`.")
def pause(name: str, why: str) -> None:
    """Have one edge stop reading, at the end of what it has in hand; no other is touched. Survives restarts."""
    settings = running_here(Settings.from_env())
    wish = _wish(chosen(_all(settings), (name,))[name], settings)
    note_command(settings, AuditedAct("edge.pause", name, None, {"why": why}))
    wish.pause(why)
    say(f"{name} pauses; `cityhub connector resume {name}` has it go on")


@click.command("resume")
@click.argument("name")
@click.option("--go-on", "way", flag_value="go-on", help="At its limit of rejects: go on behind the rows set aside.")
@click.option(
    "--again", "way", flag_value="again", help="At its limit: read these rows once more, the mapping is mended."
)
def resume(name: str, way: str | None) -> None:
    """Have an edge go on that is paused, at its limit of rejects, or failed and mended."""
    settings = running_here(Settings.from_env())
    wish = _wish(chosen(_all(settings), (name,))[name], settings)
    note_command(settings, AuditedAct("edge.resume", name, None, {"way": way or ""}))
    wish.resume(way or "")
    say(f"{name} goes on")


@click.command("reset")
@click.argument("name")
@click.option("--to", "to", required=True, help="start, now, or a time: 2026-01-31T08:00+08:00")
def reset(name: str, to: str) -> None:
    """Move the position of an edge or sink. It must not be running, or be paused.

    What an edge reads again is recognised as repeats; what a sink hands over again has the ids that it had.
    """
    settings = running_here(Settings.from_env())
    edge = chosen(_all(settings), (name,))[name]
    at = None if to == "start" else wall_ms() if to == "now" else time_option_ms(to)
    with Lock(edges_folder(settings), _full(edge, settings)):
        note_command(settings, AuditedAct("edge.reset", name, None, {"to": to}))
        if isinstance(edge, SinkEdge):
            reset_sink(edge, settings, at)
        else:
            _reset_edge(edge, settings, at)
    say(f"{name} begins at {to} when it runs next")


def _reset_edge(edge: Edge, settings: Settings, at_ms: int | None) -> None:
    intake = edge.intake()
    source = edge.source(intake, edge.context(intake, RunnerOptions()))
    position = edge.position(settings)
    if at_ms is None or (found := source.position_at(at_ms)) is None:
        position.forget()
    else:
        position.save(found, version=source.version, system=source.system)


def _all(settings: Settings) -> dict[str, Edge | SinkEdge]:
    return load_edges(settings) | load_sinks(settings)


def _full(edge: Edge | SinkEdge, settings: Settings) -> str:
    return f"{settings.namespace}{edge.name}"


def _wish(edge: Edge | SinkEdge, settings: Settings) -> Wish:
    return Wish(edges_folder(settings), _full(edge, settings))


def _status(edge: Edge | SinkEdge, settings: Settings) -> Status:
    kind = edge.spec.kind if isinstance(edge, SinkEdge) else edge.connector
    return Board.read(_full(edge, settings), kind, edges_folder(settings))


def _waiting(status: Status) -> str:
    """Deliveries that wait, and how long the oldest does."""
    age = f", {_age(status.oldest_at)}" if status.oldest_at else ""
    return f"{status.waiting:,}{age}" if status.waiting else ""


def _age(at_ms: int | None) -> str:
    if not at_ms:
        return ""
    seconds = max(0, (wall_ms() - at_ms) // 1000)
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 86_400} d" if seconds > 172_800 else f"{seconds // 3600} h"

"""`cityhub connector run`: files named on the command line, or edges of connectors.yaml side by side."""

from __future__ import annotations

import signal
import threading
from contextlib import nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import click

from hub.cli.process.files import watch_files
from hub.cli.terminal.options import running_here
from hub.errors import FatalError
from hub.escaping import to_json
from hub.logs import log_from
from hub.screen import say
from hub.sdk.edges_file import require_path
from hub.sdk.manifest import find_manifest
from hub.sdk.mapping.mapping import load_mapping
from hub.sdk.running.at_limit import Way
from hub.sdk.running.edges import Edge, chosen, load_edges
from hub.sdk.running.pacing import Anchor
from hub.sdk.running.runner import RunnerOptions, Summary, run_source
from hub.sdk.running.side_by_side import EdgesFileWatch, run_edges
from hub.sdk.sinks.served import SinkEdge, load_sinks
from hub.sdk.sources.file.join import Input
from hub.serving import PageServer, metrics_page
from hub.settings import Settings

_path = click.Path(path_type=Path, dir_okay=False)


@click.command("run")
@click.argument("names", nargs=-1)
@click.option(
    "--file", "files", type=_path, multiple=True, help="File to read, by one connector; several are merged by time."
)
@click.option("--mapping", "mappings", multiple=True, help="Mapping of each --file, in the same order.")
@click.option(
    "--join", "joins", type=_path, multiple=True, help="Second file of each mapping that takes one, in the same order."
)
@click.option("--follow", is_flag=True, help="Wait for more at the end, until <file>.done exists or Ctrl-C.")
@click.option("--speed", type=float, help="Pace by report time: 1 original, 3600 an hour a second. Default: at once.")
@click.option("--anchor", help="ISO_TIME=UNIX_SECONDS: this instant of the data is that instant of the wall.")
@click.option(
    "--cursor-dir", type=click.Path(path_type=Path, file_okay=False), help="Where to remember how far it came."
)
@click.option(
    "--max-rejects", default=1000, show_default=True, type=click.IntRange(1), help="Rejects in a row that stop it."
)
@click.option("--go-on", "way", flag_value="go-on", help="At its limit of rejects: go on behind the rows set aside.")
@click.option(
    "--again", "way", flag_value="again", help="At its limit: read these rows once more, the mapping is mended."
)
@click.option(
    "--last-line-whole",
    is_flag=True,
    help="Take a last line without a line end too: nobody writes to the file any more.",
)
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve Prometheus metrics on this port.")
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Where they are served.")
@click.option("--bootstrap-servers", help="Kafka to use. [env: CITYHUB_BOOTSTRAP_SERVERS]")
@click.option("--namespace", help="Prefix of all topics. [env: CITYHUB_NAMESPACE]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def run_command(
    names: tuple[str, ...],
    files: tuple[Path, ...],
    mappings: tuple[str, ...],
    joins: tuple[Path, ...],
    follow: bool,
    speed: float | None,
    anchor: str | None,
    cursor_dir: Path | None,
    max_rejects: int,
    way: str | None,
    last_line_whole: bool,
    metrics_port: int | None,
    metrics_host: str,
    bootstrap_servers: str | None,
    namespace: str | None,
    as_json: bool,
) -> None:
    """Publish what systems say; goes on where it stopped the last time.

    With --file one connector reads files. Without, the edges and sinks of connectors.yaml run side by side, all of them or those
    named, each supervised by itself, until they are done or Ctrl-C. Meanwhile the file may change: what comes is begun, what goes
    is ended, what is another begins anew; a file with a mistake in it changes nothing, and is said. `status` shows what sinks do.
    """
    settings = running_here(Settings.from_env(bootstrap_servers=bootstrap_servers, namespace=namespace))
    options = RunnerOptions(
        follow=follow,
        speed=speed,
        anchor=Anchor.parse(anchor) if anchor else None,
        cursor_dir=cursor_dir,
        max_rejects_in_a_row=max_rejects,
        at_limit=Way(way) if way else None,
        show_progress=not as_json and bool(files),
        last_line_whole=last_line_whole,
        stop=stop_on_signals(),
    )
    if follow or not files:  # else it ends by itself, and says what it did
        log_from("INFO")
    watch_files(settings)
    with nullcontext() if metrics_port is None else PageServer({"/metrics": metrics_page}, metrics_host, metrics_port):
        summaries = _run(names, files, mappings, joins, settings, options)
    if files:
        (summary,) = summaries
        say(to_json(summary_dict(summary)) if as_json else describe_run(summary, files))
    elif as_json:
        say(to_json([summary_dict(each) for each in summaries]))
    else:
        for summary in summaries:
            say(describe_run(summary, ()))


def _run(
    names: tuple[str, ...],
    files: tuple[Path, ...],
    mappings: tuple[str, ...],
    joins: tuple[Path, ...],
    settings: Settings,
    options: RunnerOptions,
) -> list[Summary]:
    """Raises FatalError if what was asked for does not fit together."""
    if not files:
        if mappings or joins or options.follow:
            raise FatalError("--mapping, --join and --follow go with --file; an edge has them in connectors.yaml")
        edges = chosen(_all(settings), names)
        watch = EdgesFileWatch(require_path(settings), lambda: _still(_all(settings), names))
        done = run_edges(edges.values(), settings, options, watch=watch)
        return [each for each in done.values() if isinstance(each, Summary)]
    if len(names) != 1:
        raise FatalError("name the one connector that reads these files: cityhub connector run NAME --file FILE")
    (name,) = names
    inputs = paired(files, mappings, joins, needs_join=_needs_join(name))
    return [run_source(find_manifest(name), inputs, settings, options)]


def _all(settings: Settings) -> dict[str, Edge | SinkEdge]:
    return load_edges(settings) | load_sinks(settings)


def _still(edges: dict[str, Edge | SinkEdge], names: tuple[str, ...]) -> dict[str, Edge | SinkEdge]:
    """Those that this process was asked for, as far as they are still there."""
    return {name: edge for name, edge in edges.items() if not names or name in names}


def paired(
    files: tuple[Path, ...], mappings: tuple[str, ...], joins: tuple[Path, ...], *, needs_join: Any = None
) -> list[Input]:
    """Files with their mappings; joins go, in order, to the mappings that take one (to each file, if as many are given).

    Raises FatalError if the numbers do not fit.
    """
    if mappings and len(mappings) != len(files):
        raise FatalError(
            f"{len(files)} --file but {len(mappings)} --mapping; give one mapping for each file, in the same order"
        )
    chosen: list[str | None] = list(mappings) or [None] * len(files)
    takers = [index for index, name in enumerate(chosen) if needs_join is None or needs_join(name)]
    if len(joins) > len(takers):
        raise FatalError(f"{len(joins)} --join, but only {len(takers)} of the mappings take a second file")
    if joins and len(joins) < len(takers):
        required = [index for index in takers if needs_join is None or needs_join(chosen[index]) == "required"]
        takers = required if len(required) == len(joins) else takers[: len(joins)]
    join_of = dict(zip(takers, joins, strict=False))
    return [
        Input(file=file, mapping=mapping, join=join_of.get(index))
        for index, (file, mapping) in enumerate(zip(files, chosen, strict=True))
    ]


def _needs_join(name: str) -> Any:
    manifest = find_manifest(name)

    def needs(mapping: str | None) -> str | None:
        join = load_mapping(manifest.mapping_path(mapping)).join
        return None if join is None else "required" if join.required else "optional"

    return needs


def summary_dict(summary: Summary) -> dict[str, Any]:
    return {
        "source": summary.source,
        "rows": summary.rows,
        "published": summary.published,
        "filtered": summary.filtered,
        "rejected": dict(summary.rejected),
        "rows_before": summary.rows_before,
        "stopped": summary.stopped,
        "unfinished": summary.unfinished,
        "seconds": round(summary.seconds, 3),
    }


def describe_run(summary: Summary, files: tuple[Path, ...]) -> str:
    """A run in one or two lines."""
    left = f"; {summary.unfinished}" if summary.unfinished else ""
    if summary.empty:
        return (
            f"empty file: 0 rows ({', '.join(file.name for file in files)}){left}"
            if files
            else f"{summary.source}: nothing new"
        )
    parts = [f"{summary.source}: {summary.rows:,} rows, {summary.published:,} published"]
    if summary.filtered:
        parts.append(f"{summary.filtered:,} left out by the mapping")
    if summary.rejected:
        why = ", ".join(f"{count:,} {reason}" for reason, count in summary.rejected.most_common())
        parts.append(f"{summary.rejected.total():,} set aside as dead letters ({why})")
    if summary.rows_before:
        parts.append(f"{summary.rows_before:,} were done before")
    rate = f" in {summary.seconds:.1f} s, {summary.rows / summary.seconds:,.0f} a second" if summary.seconds > 0 else ""
    return (
        ", ".join(parts)
        + rate
        + left
        + ("; stopped before the end, the next run goes on here" if summary.stopped else "")
    )


def stop_on_signals() -> threading.Event:
    """An event that Ctrl-C, or SIGTERM, sets from now on. In the main thread only; elsewhere nobody sets it."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, ask)
        signal.signal(signal.SIGTERM, ask)
    return stop

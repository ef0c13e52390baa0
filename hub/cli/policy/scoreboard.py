"""`cityhub scoreboard`: how good the drafts are on real files, against the goals."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click
from rich.text import Text

from hub.cli.policy.backtest import table
from hub.cli.terminal.bars import progress_bar
from hub.errors import FatalError
from hub.screen import Screen, say_json, say_lines
from hub.settings import ROOT

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PLAN = ROOT / "ops" / "scoreboards" / "real.yaml"


@click.command()
@click.option("--data", required=True, envvar="CITYHUB_DATA", type=_FOLDER, help="Folder of the files.  [CITYHUB_DATA]")
@click.option("--geo", type=_FOLDER, help="Folder of the area polygons.  [geo beside --data, or --data]")
@click.option(
    "--plan", default=PLAN, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="What is judged."
)
@click.option("--only", multiple=True, metavar="CITY", help="Only these cities of the plan.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Keep drafts, samples and the table here."
)
@click.option("--json", "as_json", is_flag=True, help="For machines: the rows as a JSON list.")
def scoreboard(
    data: Path, geo: Path | None, plan: Path, only: tuple[str, ...], out: Path | None, as_json: bool
) -> None:
    """Learn on the earlier part of real cities, judge on the later, and run on all 成绩表.

    Prints the table of goals; exits with 1 if a goal is missed.
    """
    from hub.learn import scoreboard as board

    wanted = board.load_plan(plan)
    cities = [city for city in board.present(wanted, data) if not only or city.name in only]
    if not cities:
        raise FatalError(f"{data} has the files of no city of {plan.name}; the plan names them")
    beside = data.parent / "geo"
    polygons = geo or (beside if beside.is_dir() else data)
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cityhub-scoreboard-")))
        folder.mkdir(parents=True, exist_ok=True)
        rows = [row for city in cities for row in board.judge_city(city, data, polygons, folder, progress_bar)]
        text = board.scoreboard_markdown(wanted.title, rows)
        if out:
            (folder / "scoreboard.md").write_text(text, encoding="utf-8")
    if as_json:
        say_json([row.as_dict() for row in rows], indent=2)
    elif Screen().is_terminal:
        Screen().print(table(wanted.title, ("", "goal", "reached", "of"), map(_cells, rows)), highlight=False)
    else:
        say_lines(text, nl=False)
    raise SystemExit(0 if all(row.met for row in rows) else 1)


def _cells(row: object) -> tuple[str | Text, ...]:
    facts = row.as_dict()  # type: ignore[attr-defined]
    reached = "-" if facts["reached"] is None else f"{facts['reached']:.1%}"
    colour = "green" if facts["met"] else "red"
    return (
        facts["what"],
        f"{facts['goal']:.1%}",
        Text(reached, colour),
        f"{facts['right']:,} of {facts['judged']:,}",
    )

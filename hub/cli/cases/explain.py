"""`cityhub explain`: one case's story, from the topics."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from hub.cli.cases.timeline import ClockLine, held_of, last_instant, moments_of, story_clocks
from hub.cli.terminal.bars import progress_bar
from hub.cli.terminal.options import with_settings
from hub.cli.terminal.words import CLOCK_NAMES, NOTICE_NAMES, Words
from hub.core.figures.ledger import totals
from hub.inspect.story import Story, tell
from hub.screen import Screen, say_json
from hub.settings import Settings

_WIDTH = 110
"""Where there is no terminal to ask."""


@click.command()
@click.argument("who", metavar="CASE|SOURCE:REF")
@click.option("--json", "as_json", is_flag=True, help="For machines: every record, and the clocks.")
@with_settings
def explain(settings: Settings, who: str, as_json: bool) -> None:
    """Tell one case's story 案件经过: what came in, why it was linked, why that department, which clocks, all from the topics.

    CASE is an id like C-PFTFFNKUATAKG4JS; SOURCE:REF names a report, as in hotline:H-17.
    """
    from hub.policy import load_city
    from hub.sdk.manifest import discover
    from hub.stream.kafka.known import sources_there

    city = load_city(settings.city)
    words = Words(city)
    with progress_bar("Reading the topics") as on_progress:
        story = tell(settings, who, sources_there(settings, discover()), list(city.departments), on_progress)
    if as_json:
        say_json(story_dict(story, words), indent=2)
        return
    console = Screen()
    if not console.is_terminal:
        console = Screen(width=_WIDTH)
    console.print(picture(story, words), highlight=False)


def story_dict(story: Story, words: Words) -> dict[str, Any]:
    """All that is known; times are ms since 1970 UTC, and local in `timeline`."""
    clocks = [
        {
            "clock": each.clock, "policy": each.policy, "state": each.state,
            "legal_basis": words.legal_basis(each.policy, each.row.rules),
            "started_at": each.started_ms, "due_at": each.due_ms, "warned_at": each.warned_ms,
            "breached_at": each.breached_ms, "ended_at": each.ended_ms, **each.row._asdict(),
        }
        for each in story_clocks(story)
    ]  # fmt: skip
    timeline = [
        {"at": words.iso(moment.at_ms), "what": moment.text, "details": list(moment.details)}
        for moment in moments_of(story, words)
    ]
    held = [each._asdict() for each in held_of(story)]
    return story.as_dict() | {"clocks": clocks, "held": held, "timeline": timeline}


def picture(story: Story, words: Words) -> Group:
    """For a terminal."""
    return Group(_head(story, words), _clocks(story, words), _timeline(story, words))


def _head(story: Story, words: Words) -> Panel:
    last = story.last
    grid = Table.grid(padding=(0, 2))
    grid.add_row("category 类别", f"{words.category(last['category'])} ({last['category']})")
    grid.add_row("where 地点", words.area(last["area"]))
    grid.add_row("urgency 紧急程度", last["urgency"].lower())
    grid.add_row("department 部门", f"{words.department(last['department'])} (rule 规则 {last['rule']})")
    if last.get("unit"):
        grid.add_row("unit 单位", words.unit(last["unit"]))
    for department, held_ms in totals(held_of(story)).items():
        grid.add_row("held 持有", f"{words.department(department)}: {timedelta(seconds=held_ms // 1000)}")
    grid.add_row("reports 来报", str(last["reports"]))
    grid.add_row("state 状态", "over 已结" if last["over"] else "open 在办")
    return Panel(grid, title=Text(f"case 案件 {story.case_id}"), title_align="left", expand=False)


def _clocks(story: Story, words: Words) -> Table:
    table = Table(title="clocks 时限", title_justify="left", box=None, padding=(0, 1), show_header=False)
    now_ms = last_instant(story)
    for each in story_clocks(story):
        state = NOTICE_NAMES.get(each.state.upper(), "running 计时中")
        table.add_row(
            CLOCK_NAMES.get(each.clock, each.clock), Text(each.bar(now_ms), each.style), Text(state, each.style)
        )
        row = Text(words.row(each.policy, *each.row[:3]), "dim")
        table.add_row("", Text(f"due 到期 {_due(each, words)}", "dim"), row)
        if each.row.rules:
            table.add_row("", Text(f"by the rules 规则版本 {each.row.rules}", "dim"), "")
    return table


def _due(clock: ClockLine, words: Words) -> str:
    said = words.local(clock.due_ms)
    return said if clock.ended_ms is None else f"{said}, ended 止于 {words.local(clock.ended_ms)}"


def _timeline(story: Story, words: Words) -> Tree:
    tree = Tree(Text("story 经过", "bold"), guide_style="dim")
    for moment in moments_of(story, words):
        node = tree.add(
            Text.assemble((words.local(moment.at_ms), "dim"), f" {moment.mark} ", (moment.text, moment.style))
        )
        for line in moment.details:
            node.add(Text(line, overflow="fold"))
    return tree

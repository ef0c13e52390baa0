"""`cityhub policy`: checks a city's policy folder and shows its routing table as it is tried."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hub.cli.terminal.options import with_settings
from hub.screen import Screen, say, say_json
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.core.rules.succession import Succession
    from hub.policy import City
    from hub.policy.models import Exit, Route

_FOLDER = click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
_JSON = click.option("--json", "as_json", is_flag=True, help="For machines: one JSON document.")


@click.group()
def policy() -> None:
    """Check a city's policy folder 规则, and show it as the hub reads it. FOLDER is by default the city that is set."""


@policy.command()
@_FOLDER
@click.option(
    "--follows",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder now in force: whether FOLDER may take its place while the hub runs, and what changes.",
)
@_JSON
@with_settings
def check(settings: Settings, folder: Path | None, follows: Path | None, as_json: bool) -> None:
    """Say every mistake with file and line: unknown names, rows never reached, examples that do not hold.

    Sources are those with a connector here, and those that city.yaml lists under `sources`: a name that is nearly one of them is a
    mistake, any other a hint. A campaign 专项 that no deadline times is a hint too. Exits with 1 if there is a mistake.
    """
    from hub.cli.policy.keeping import too_short
    from hub.core.rules.examples import check_examples
    from hub.core.rules.succession import succeed
    from hub.declared.problems import DeclarationError
    from hub.policy import load_city
    from hub.policy.campaigns import untimed_campaigns
    from hub.policy.source_checks import strangers
    from hub.sdk.manifest import discover
    from hub.topics import OWN_SOURCE

    chosen = folder or settings.city
    succession = None
    known = {*discover(), OWN_SOURCE}
    try:
        city = load_city(chosen, known)
        mistakes = [*check_examples(city), *too_short(city, settings)]
        if follows is not None:
            succession = succeed(load_city(follows), city)
            mistakes = [*succession.problems, *too_short(city, settings)]
    except DeclarationError as error:
        _say_mistakes(chosen, [str(problem) for problem in error.problems], as_json)
        sys.exit(1)
    if mistakes:
        _say_mistakes(chosen, mistakes, as_json)
        sys.exit(1)
    _say_good(city, succession, [*strangers(city, known), *untimed_campaigns(city)], as_json)


def _say_mistakes(folder: Path, mistakes: list[str], as_json: bool) -> None:
    if as_json:
        say_json({"folder": str(folder), "ok": False, "mistakes": mistakes}, indent=2)
        return
    for mistake in mistakes:
        say(f"✗ {mistake}")
    say(f"{len(mistakes)} mistake{'' if len(mistakes) == 1 else 's'} 处错误 in {folder}")


def _say_good(city: City, succession: Succession | None, hints: list[str], as_json: bool) -> None:
    counts = {
        "categories 类别": len(city.categories), "departments 部门": len(city.departments), "exits 派前分流": len(city.exits),
        "routes 派单规则": len(city.routes), "fallback 兜底": len(city.fallback), "deadlines 时限": len(city.deadlines),
        "calendars 日历": len(city.calendars), "linking 关联规则": len(city.linking), "examples 示例": len(city.examples),
        "layers 区域图层": len(city.layers) + bool(city.areas),
        **({} if city.organisation is None else {"units 单位": len(city.organisation.units)}),
    }  # fmt: skip
    changes = None if succession is None else list(succession.changes)
    if as_json:
        document = {
            "folder": str(city.folder), "ok": True, "version": city.version, "rows": counts, "included": city.included,
            "replaced": city.replaced, "hints": hints, "changes": changes,
        }  # fmt: skip
        say_json(document, indent=2)
        return
    say(f"✓ {city.version} {city.name.en} {city.name.zh}: every row can be reached, every example holds 校验通过")
    say("  " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    if city.included:
        say(f"  packs included 引入流程包: {', '.join(city.included)}")
    for row in city.replaced:
        say(f"  {row} 以本市为准")
    for each in hints:
        say(f"! {each} 提示")
    for change in changes or ():
        say(f"  {change}")
    if changes == []:
        say("  the same rules 无变化")


@policy.command()
@click.option(
    "--wait", "wait_seconds", default=15.0, show_default=True, help="Seconds to wait for the workers' answers."
)
@_JSON
@with_settings
def apply(settings: Settings, wait_seconds: float, as_json: bool) -> None:
    """Have the workers of a running hub read their policy folder anew 热加载规则.

    Each checks it as `check` does, and takes it whole, between two chunks, or stays with what it has. A report made before the
    folder's effective day is still decided by the rules before. Exits with 1 unless every worker that holds the hub's work has
    taken it; announcement and answers stay in the control topic.
    """
    from hub.cli.policy.apply import apply as announce
    from hub.topics import AGENT_CHANGELOGS

    if not announce(settings, tuple(AGENT_CHANGELOGS), wait_seconds, as_json):
        sys.exit(1)


@policy.command()
@_FOLDER
@click.option("--category", metavar="CODE", help="Only rows that may take this category, by code or a source's label.")
@_JSON
@with_settings
def show(settings: Settings, folder: Path | None, category: str | None, as_json: bool) -> None:
    """Show the routing table 派单规则表 in the order in which its rows are tried: the first that holds decides."""
    from hub.core.routing.router import admits
    from hub.errors import FatalError
    from hub.policy import load_city

    city = load_city(folder or settings.city)
    known = None if category is None else city.category_of(category)
    if category is not None and known is None:
        raise FatalError(f"the policy of {city.name.en} knows no category {category!r}; see taxonomy.yaml")
    rows = [
        (part, row)
        for part, table in (("exits", city.exits), ("routes", city.routes), ("fallback", city.fallback))
        for row in table
        if known is None or admits(row, known)
    ]
    if as_json:
        say_json([_document(part, row) for part, row in rows], indent=2, default=str)
        return
    _print(city, rows)


@policy.command()
@_FOLDER
@_JSON
@with_settings
def privacy(settings: Settings, folder: Path | None, as_json: bool) -> None:
    """Show who is told what of a report 用途, and how long each topic keeps its records 保留期限."""
    from hub.cli.policy.keeping import privacy_document, show_privacy
    from hub.policy import load_city
    from hub.sdk.manifest import discover

    city, sources = load_city(folder or settings.city), list(discover())
    if as_json:
        say_json(privacy_document(city, sources), indent=2)
    else:
        show_privacy(city, sources)


def _document(part: str, row: Route | Exit) -> dict[str, Any]:
    return {"part": part, **row.model_dump(exclude_defaults=True, mode="json")}


def _print(city: City, rows: list[tuple[str, Route | Exit]]) -> None:
    from rich.table import Table

    from hub.core.routing.words import conditions_in_words, outcome_in_words

    table = Table(title=f"{city.version} {city.name.en} {city.name.zh}", title_justify="left")
    for column in ("", "row 规则", "when 条件", "to 去向", "priority 优先级", "in force 有效期"):
        table.add_column(column, overflow="fold")
    for number, (part, row) in enumerate(rows, start=1):
        priority = getattr(row, "priority", None)
        table.add_row(
            str(number),
            row.id if part == "routes" else f"{row.id} ({part})",
            "; ".join(conditions_in_words(row.when)) or "always 无条件",
            outcome_in_words(row),
            "" if priority is None else str(priority),
            _in_force(row),
        )
    console = Screen()
    console.print(table)
    console.print(f"what no row takes goes to {city.dispatch_desk} 其余由派单台处理", highlight=False)


def _in_force(row: Route | Exit) -> str:
    if row.effective_from is None and row.effective_until is None:
        return ""
    return f"{row.effective_from or '...'} – {row.effective_until or '...'}"

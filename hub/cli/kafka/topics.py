"""`cityhub topics`: what the hub's topics are, and whether the broker has them."""

from __future__ import annotations

import sys

import click

from hub.cli.terminal.options import with_settings
from hub.screen import Screen, say, say_json
from hub.settings import Settings

_WIDTH = 150
"""Where there is no terminal to ask."""


@click.command()
@click.option("--create", is_flag=True, help="Create the missing ones, and add partitions where there are too few.")
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON array.")
@with_settings
def topics(settings: Settings, create: bool, as_json: bool) -> None:
    """List the hub's topics with key, schema and settings, and say which the broker lacks.

    Partitions that somebody has added to one are named; they are read, and stop nobody. Exits with 1 if a topic is missing or
    has too few.
    """
    from rich.table import Table

    from hub.cli.policy.keeping import require_kept
    from hub.policy import load_city
    from hub.sdk.manifest import discover
    from hub.stream.admin.topics import ensure_topics, inspect_topics
    from hub.stream.kafka.known import sources_there
    from hub.topics import OWN_SOURCE, all_topics

    sources = sources_there(settings, discover())
    if create:  # `cityhub web` makes these by itself, where it may
        sources = list(dict.fromkeys([*sources, OWN_SOURCE]))
    city = load_city(settings.city)
    require_kept(city, settings)
    declared = city.kept(all_topics(sources, city.departments))
    created = ensure_topics(settings, declared) if create else []
    states = inspect_topics(settings, declared)
    if as_json:
        rows = [
            {
                "topic": settings.topic(s.topic.name), "key": s.topic.key, "schema": s.topic.subject,
                "partitions": s.partitions, "wanted_partitions": s.wanted_partitions, "settings": s.topic.settings,
            }
            for s in states
        ]  # fmt: skip
        say_json(rows, indent=2)
    else:
        table = Table("topic", "key", "schema", "partitions", "state")
        for s in states:
            table.add_row(
                settings.topic(s.topic.name), s.topic.key, s.topic.subject or "-", str(s.partitions or "-"), s.summary
            )
        console = Screen()
        (console if console.is_terminal else Screen(width=_WIDTH)).print(table)
        if created:
            say(f"created {len(created)} topics")
    sys.exit(0 if all(s.good for s in states) else 1)

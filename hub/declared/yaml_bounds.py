"""Refuses YAML that is small as text and endless as data: aliases of aliases, aliases of themselves, bottomless nesting.

Goes over the parser's events, which are as many as the text has, before anything is built of them.
"""

from __future__ import annotations

from typing import Any

import yaml

MAX_DEPTH = 50
MAX_REPEATED = 100_000
"""How many values aliases may repeat in all."""


def require_bounded(text: str, loader: Any) -> None:
    """Raise yaml.MarkedYAMLError, with the place, if what the text stands for is out of proportion. `loader`: how it is parsed."""
    open_nodes: list[tuple[str | None, int]] = []
    sizes: dict[str, int] = {}
    values = repeated = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_nodes):
                raise _refused(event, f"*{event.anchor} stands within what it repeats")
            size = sizes.get(event.anchor or "", 0)
            repeated += size
            values += size
            if repeated > MAX_REPEATED:
                raise _refused(event, f"aliases repeat more than {MAX_REPEATED:,} values; write out what is meant")
        elif isinstance(event, yaml.ScalarEvent):
            values += 1
            sizes |= {event.anchor: 1} if event.anchor else {}
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(open_nodes) >= MAX_DEPTH:
                raise _refused(event, f"nested deeper than {MAX_DEPTH} levels; write it flatter")
            open_nodes.append((event.anchor, values))
            values += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            sizes |= {anchor: values - before} if anchor else {}


def _refused(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    mark: Any = event.start_mark
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)

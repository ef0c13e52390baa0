"""The page on the life of a case is drawn from its table: `python -m ops.checks.lifecycle` writes it, `ops.checks` compares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from hub.core.lifecycle import EVENTS, LADDER, STATE_NAMES, State
from hub.settings import ROOT

PAGE = ROOT / "hub" / "core" / "lifecycle.md"
_HEAD = """# The life of a case 案件生命周期

Drawn from the table in `hub/core/lifecycle.py` by `python -m ops.checks.lifecycle`; change it there. An event that the table
does not allow in a state is not applied: it is set aside (`not_allowed`) and its department is told why. Events count in
order of the time at which they happened, whatever order they come in.
"""


def drawn() -> str:
    """The page as it should be."""
    return "\n".join([_HEAD, "```mermaid", *_diagram(), "```", "", *_table(), "", _ladder(), ""])


def _diagram() -> Iterator[str]:
    yield "stateDiagram-v2"
    for state in State:
        yield f"    {state} : {STATE_NAMES[state]}"
    yield f"    [*] --> {State.DISPATCHED}"
    edges: dict[tuple[State, State], list[str]] = defaultdict(list)
    for event, rule in EVENTS.items():
        for before, after in rule.leads.items():
            if before != after:
                edges[before, after].append(event)
    for (before, after), events in edges.items():
        yield f"    {before} --> {after} : {', '.join(events)}"
    yield f"    {State.REFUSED} --> {State.ARBITRATION} : refused too often"


def _table() -> Iterator[str]:
    yield "| event | who | told to reporters | allowed while |"
    yield "|---|---|---|---|"
    for event, rule in EVENTS.items():
        states = ", ".join(rule.leads)
        yield f"| `{event}` {rule.name} | {rule.who} | {'yes' if rule.told else ''} | {states} |"


def _ladder() -> str:
    rungs = " → ".join(EVENTS[rung].name for rung in LADDER)
    return (
        f"The ladder of supervision 督办阶梯: {rungs}. A desk says so, or a row of deadlines.yaml does by itself: with\n"
        "`climbs: supervised` the case climbs to that rung when the row's clock runs out; a clock that `<clock>_overdue` starts\n"
        "does so some time later."
    )


def problems() -> list[str]:
    """What is wrong with the page, if anything."""
    if PAGE.is_file() and PAGE.read_text("utf-8") == drawn():
        return []
    return [f"{PAGE.relative_to(ROOT)} is not what the table says; run `python -m ops.checks.lifecycle`"]


if __name__ == "__main__":
    PAGE.write_text(drawn(), "utf-8")

"""What the table of the life of a case says, on the pages that show it: its own page is drawn from it, and the contract with
departments names who may say what. `python -m ops.checks.lifecycle` writes both, `ops.checks` compares."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from hub.core.tracking.lifecycle import EVENT_RULES, LADDER, STATE_NAMES, State, Who
from hub.settings import ROOT

PAGE = ROOT / "hub" / "core" / "lifecycle.md"
CONTRACT = ROOT / "ops" / "contracts" / "departments.md"
_WHO = {event.upper(): rule.who for event, rule in EVENT_RULES.items() if rule.who is not Who.HUB}
_HEAD = """# The life of a case 案件生命周期

Drawn from the table in `hub/core/tracking/lifecycle.py` by `python -m ops.checks.lifecycle`; change it there. An event that the
table does not allow in a state, or from a department that may not say it, is not applied: it is set aside (`not_allowed`) and its
department is told why. Events count in order of the time at which they happened, whatever order they come in; who holds the
case, and who helps, is asked for that time.
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
    for event, rule in EVENT_RULES.items():
        for before, after in rule.leads.items():
            if before != after:
                edges[before, after].append(event)
    for (before, after), events in edges.items():
        yield f"    {before} --> {after} : {', '.join(events)}"
    yield f"    {State.REFUSED} --> {State.ARBITRATION} : refused too often"


def _table() -> Iterator[str]:
    yield "| event | who | told to reporters | allowed while |"
    yield "|---|---|---|---|"
    for event, rule in EVENT_RULES.items():
        states = ", ".join(rule.leads)
        yield f"| `{event}` {rule.name} | {rule.who} | {'yes' if rule.reporters_told else ''} | {states} |"


def _ladder() -> str:
    rungs = " → ".join(EVENT_RULES[rung].name for rung in LADDER)
    return (
        f"The ladder of supervision 督办阶梯: {rungs}. A desk says so, or a row of deadlines.yaml does by itself: with\n"
        "`climbs: supervised` the case climbs to that rung when the row's clock runs out; a clock that `<clock>_overdue` starts\n"
        "does so some time later."
    )


def with_who(text: str) -> str:
    """The contract with the second cell of each row that begins with what can be said made anew: who may say it.

    Raises ValueError if something that can be said has no row, or one row explains what different ones may say.
    """
    missing = set(_WHO)
    lines = []
    for line in text.splitlines(keepends=True):
        cells = line.split("|")
        words = re.findall(r"`([A-Z_]+)`", cells[1]) if line.startswith("|") else []
        if words and set(words) <= _WHO.keys():
            missing -= set(words)
            if len({_WHO[word] for word in words}) != 1:
                raise ValueError(f"{', '.join(words)} are not for the same; give each a row in the contract")
            cells[2] = f" {_WHO[words[0]]} "
        lines.append("|".join(cells))
    if missing:
        raise ValueError(f"the contract has no row for {', '.join(sorted(missing))}")
    return "".join(lines)


def problems() -> Iterator[str]:
    """What is wrong with the pages, if anything."""
    contract = CONTRACT.read_text("utf-8")
    for page, wanted in ((PAGE, drawn()), (CONTRACT, with_who(contract))):
        if not page.is_file() or page.read_text("utf-8") != wanted:
            yield f"{page.relative_to(ROOT)} is not what the table says; run `python -m ops.checks.lifecycle`"


if __name__ == "__main__":
    PAGE.write_text(drawn(), "utf-8")
    CONTRACT.write_text(with_who(CONTRACT.read_text("utf-8")), "utf-8")

"""Which code runs which kind of scenario."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hub.errors import FatalError
from loadtests.agents import agents
from loadtests.compare import compare
from loadtests.connector import connector
from loadtests.core_alone import core_alone
from loadtests.dedup import dedup
from loadtests.front import front
from loadtests.ledger import ledger
from loadtests.receivers import receivers
from loadtests.scaling import scaling
from loadtests.scenario import (
    Agents,
    Compare,
    Connector,
    Core,
    Dedup,
    FrontLoad,
    Ledger,
    Receivers,
    Scaling,
    Sustained,
    Takeover,
    WebhookCalls,
)
from loadtests.stage import stage
from loadtests.sustained import sustained
from loadtests.takeover import takeover
from loadtests.webhook import webhook


def run_scenario(scenario: Any, only: tuple[str, ...] = (), keep: Path | None = None) -> dict[str, Any]:
    """What was measured, as JSON can hold it. Raises FatalError."""
    if isinstance(scenario, Core):
        return core_alone(scenario, lambda text: print(text, file=sys.stderr))  # noqa: T201
    if isinstance(scenario, Ledger):
        return ledger(scenario, lambda text: print(text, file=sys.stderr))  # noqa: T201
    if isinstance(scenario, Agents):
        return agents(scenario, lambda text: print(text, file=sys.stderr))  # noqa: T201
    with stage(scenario.seed, keep) as here:
        if isinstance(scenario, Compare):
            return compare(here, _chosen(scenario, only))
        if isinstance(scenario, Sustained):
            return sustained(here, scenario)
        if isinstance(scenario, FrontLoad):
            return front(here, scenario)
        if isinstance(scenario, Takeover):
            return takeover(here, scenario)
        if isinstance(scenario, Scaling):
            return scaling(here, scenario)
        if isinstance(scenario, Connector):
            return connector(here, scenario)
        if isinstance(scenario, Receivers):
            return receivers(here, scenario)
        if isinstance(scenario, WebhookCalls):
            return webhook(here, scenario)
        if isinstance(scenario, Dedup):
            return dedup(here, scenario)
    raise FatalError(f"{scenario.name}: nothing runs scenarios of kind {scenario.kind}")


def _chosen(scenario: Compare, only: tuple[str, ...]) -> Compare:
    if not only:
        return scenario
    chosen = tuple(entry for entry in scenario.contenders if entry.label in only)
    if not chosen:
        known = ", ".join(entry.label for entry in scenario.contenders)
        raise FatalError(f"{scenario.name} has no entry {', '.join(only)}; known: {known}")
    return scenario.model_copy(update={"contenders": chosen})

"""Which code runs which kind of scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.errors import FatalError
from loadtests.compare import compare
from loadtests.scenario import Compare
from loadtests.stage import stage


def run_scenario(scenario: Any, only: tuple[str, ...] = (), keep: Path | None = None) -> dict[str, Any]:
    """What was measured, as JSON can hold it. Raises FatalError."""
    if isinstance(scenario, Compare):
        if only:
            chosen = tuple(entry for entry in scenario.contenders if entry.label in only)
            if not chosen:
                known = ", ".join(entry.label for entry in scenario.contenders)
                raise FatalError(f"{scenario.name} has no entry {', '.join(only)}; known: {known}")
            scenario = scenario.model_copy(update={"contenders": chosen})
        with stage(scenario.seed, keep) as here:
            return compare(here, scenario)
    raise FatalError(f"{scenario.name}: nothing runs scenarios of kind {scenario.kind} yet")

"""Starts the paced generator (loadtests.paced) in a process of its own and hears what it says at its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from hub.errors import FatalError
from hub.settings import ROOT
from loadtests.contenders import environment_for
from loadtests.stage import Stage


def start_feeder(
    here: Stage,
    topic: str,
    rate: float,
    seconds: float,
    seed: int,
    *,
    truth: Path | None = None,
    late_repeats: int | None = None,
    linger_ms: int = 2,
) -> subprocess.Popen[str]:
    """See loadtests.paced. With `truth` it saves there what must come of its events."""
    settings: dict[str, str | int | float] = {"rate": rate, "seconds": seconds, "seed": seed, "linger_ms": linger_ms}
    if truth is not None:
        settings["truth"] = str(truth)
    if late_repeats is not None:
        settings["late_repeats"] = late_repeats
    given = here.given("feeder", topic, settings)
    argv = [sys.executable, "-m", "loadtests.paced"]
    return subprocess.Popen(argv, env=environment_for(given), cwd=ROOT, stdout=subprocess.PIPE, text=True)


def feeder_said(feeder: subprocess.Popen[str]) -> dict[str, Any]:
    """Raises FatalError if it failed."""
    out, _ = feeder.communicate(timeout=120)
    if feeder.returncode:
        raise FatalError(f"the generator ended with exit code {feeder.returncode}; see what it wrote above")
    said: dict[str, Any] = json.loads(out)
    return said

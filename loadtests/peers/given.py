"""What the runner tells a contender: environment variables, read once. Standard library only."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.job.rules import Rules

PARTITIONS = 12


@dataclass(frozen=True)
class Given:
    """`run` names this start: groups, transactional ids and internal topics are made of it, so that runs do not meet."""

    bootstrap: str
    events: str
    orders: str
    run: str
    job: Path
    state: Path
    settings: dict[str, Any]

    @classmethod
    def from_env(cls) -> Given:
        env = os.environ
        return cls(
            bootstrap=env["LOAD_BOOTSTRAP"],
            events=env["LOAD_EVENTS"],
            orders=env["LOAD_ORDERS"],
            run=env["LOAD_RUN"],
            job=Path(env["LOAD_JOB"]),
            state=Path(env["LOAD_STATE"]),
            settings=json.loads(env.get("LOAD_SETTINGS", "{}")),
        )

    def to_env(self) -> dict[str, str]:
        return {
            "LOAD_BOOTSTRAP": self.bootstrap,
            "LOAD_EVENTS": self.events,
            "LOAD_ORDERS": self.orders,
            "LOAD_RUN": self.run,
            "LOAD_JOB": str(self.job),
            "LOAD_STATE": str(self.state),
            "LOAD_SETTINGS": json.dumps(self.settings),
        }

    def rules(self) -> Rules:
        return Rules.load(self.job)

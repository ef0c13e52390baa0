"""The agents are measured as they are: all of a small stream's lives come to their end, and a lost order is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from hub.errors import FatalError
from hub.testing.memory import MemoryBroker
from loadtests import agents as measured
from loadtests.agents import agents
from loadtests.agents_stand_ins import STEPS, Departments
from loadtests.scenario import Agents

SMALL = Agents(
    kind="agents", name="x", title="X", records=1000, chunk_records=(150, 400), rounds=1,
    settings={"closed_case_days": 1e-9},
)  # fmt: skip


def test_every_agent_and_step_is_measured() -> None:
    rows = agents(SMALL, lambda _: None)["rows"]
    names = [*measured.AGENTS, "all three"]
    assert [(row["chunk"], row["agent"]) for row in rows] == [(size, name) for size in (150, 400) for name in names]
    assert all(row["µs"] == pytest.approx(sum(row[step] for step in STEPS)) for row in rows)
    for each in (rows[:4], rows[4:]):
        assert each[3]["µs"] == pytest.approx(sum(row["µs"] for row in each[:3]))


def test_a_lost_order_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Departments.read
    monkeypatch.setattr(Departments, "read", lambda self, values: read(self, values[1:]))
    with pytest.raises(FatalError, match="orders of distinct events"):
        agents(SMALL, lambda _: None)


def test_a_lost_closure_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    append = MemoryBroker.append

    def lose_one(broker: MemoryBroker, topic: str, keys: Any, values: Any, *others: Any) -> None:
        first = topic == "hub.closures"
        append(broker, topic, keys[first:], values[first:], *others)

    monkeypatch.setattr(MemoryBroker, "append", lose_one)
    with pytest.raises(FatalError, match="closures of the cases answered"):
        agents(SMALL, lambda _: None)

"""Matters of several departments at once (联合处置): what they come to does not depend on who writes first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from hub.model.event import CaseEvent, EventKind, Urgency
from hub.model.update import Update
from tests.unit.agents.any_order import CASE, come_to, findings, statement, update
from tests.unit.agents.joint_city import BURST, COLLAPSE, city, hub_of

LEAVES = [
    update(1, "roads", "REFUSED", 10, reason="not ours"),
    update(2, "water_supply", "WHISTLED", 20, members=["roads", "housing"]),
    update(3, "roads", "ARRIVED", 25),
    update(4, "water_supply", "TRANSFERRED", 30, to="housing"),
]
TURNS = [
    update(1, "water_supply", "TRANSFERRED", 5, to="roads"),
    update(2, "police_assistance", "ARRIVED", 8),
    update(3, "roads", "REFUSED", 10, reason="not ours"),
    update(4, "dispatch_desk", "DESIGNATED", 15, to="urban_mgmt"),
]


AMENDED = [
    statement("H1", 1, EventKind.AMENDED, 10, category="road.collapse", urgency=Urgency.URGENT),
    update(1, "police_assistance", "ARRIVED", 5),
    update(2, "housing", "ARRIVED", 30),
    update(3, "water_supply", "RESOLVED", 40),
]
"""Who was sent home by the amendment had been there; who was called by it comes later; the lead is given the case once."""


@pytest.mark.parametrize("updates", [LEAVES, TURNS, AMENDED], ids=["leaves", "turns", "amended"])
@pytest.mark.parametrize("breath", [True, False], ids=["chunk by chunk", "at once"])
def test_what_it_comes_to_does_not_depend_on_who_writes_first(
    updates: Sequence[CaseEvent | Update], breath: bool
) -> None:
    one_by_one = outcome(updates, at_once=False)
    for order in list(permutations(updates))[:: 6 if breath else 8]:
        assert outcome(order, at_once=not breath) == one_by_one


@pytest.mark.parametrize("updates", [LEAVES, TURNS], ids=["leaves", "turns"])
def test_nor_on_the_partition_into_which_each_wrote(updates: Sequence[Update]) -> None:
    """A client that finds partitions otherwise: what lies astray is moved to its case's before it is decided."""
    wanted = outcome(updates, at_once=False)
    for order in list(permutations(updates))[::9]:
        assert outcome(order, at_once=True, partitions=3) == wanted


def outcome(updates: Sequence[CaseEvent | Update], *, at_once: bool, partitions: int = 1) -> dict[str, Any]:
    with hub_of(city(BURST, COLLAPSE), *updates, at_once=at_once, partitions=partitions) as hub:
        assert findings(hub) == []
        found = come_to(hub)
        books = (hub.state("route")[partition] for partition in range(partitions))
        (case,) = [case for book in books if (case := book.cases.get(CASE))]
        return found | {"helpers": sorted(case.co_handlers), "called": sorted(who for who, _ in case.called)}

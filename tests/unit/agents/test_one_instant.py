"""Several words of one instant: which of them wins is fixed, and it is not who was heard first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from hub.model.event import EventKind
from hub.model.update import Update
from tests.unit.agents.any_order import outcome, statement, update
from tests.unit.agents.test_any_order import CALLED

OPENING = statement("H1", 0, EventKind.OPENED, 0)
CALL = update(9, "water_supply", "WHISTLED", 5, members=["roads"])


def water(number: int, word: str, **more: Any) -> Update:
    return update(number, "water_supply", word, 20, **more)


PAIRS = {
    "two outcomes": [water(1, "RESOLVED", outcome="solved"), water(2, "RESOLVED", outcome="explained")],
    "two revisions": [water(1, "TRANSFERRED", to="roads"), water(1, "TRANSFERRED", to="housing", revision=1)],
    "given to two": [water(1, "TRANSFERRED", to="roads"), water(2, "TRANSFERRED", to="housing")],
    "refused and resolved": [water(2, "REFUSED"), water(1, "RESOLVED")],
    "resolved and reopened": [water(1, "RESOLVED"), update(2, "dispatch_desk", "REOPENED", 20)],
    "called one is done and refuses": [update(1, "roads", "RESOLVED", 20), update(2, "roads", "REFUSED", 20)],
    "called one arrives as the case ends": [update(1, "roads", "ARRIVED", 20), water(2, "RESOLVED")],
}
"""By ids of their own. One id with two words of one revision is a conflict: the first counts, the other is set aside and said."""


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("breath", [True, False], ids=["chunk by chunk", "at once"])
def test_words_of_one_instant_come_to_the_same_in_any_order(name: str, breath: bool) -> None:
    said: Sequence[Update] = [CALL, *PAIRS[name]]
    found = [outcome([OPENING, *order], [True, *[breath] * len(order)], CALLED) for order in permutations(said)]
    for one in found[1:]:
        assert one == found[0]

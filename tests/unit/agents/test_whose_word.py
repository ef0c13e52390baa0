"""Whose word counts for a clock of the case (`by: holder | helper | any`), whatever is said: a step of the city's own for who was
called together too, and not only the words that every helper has."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from hub.model.update import Update
from hub.policy.models import ClockSpec, DeadlineRule, Name
from hub.policy.models.steps import StepSpec
from tests.unit.agents.any_order import WIDER, findings, update
from tests.unit.agents.test_joint_cases import hub_of, last, words

WHO = {"holder": "water_supply", "helper": "roads"}
CALLS = update(1, "water_supply", "WHISTLED", 1, members=["roads"])


def city(event: str, kind: str, by: str) -> Any:
    """The demo city with a clock of the case that this event starts, or stops."""
    named = {"start": (event,), "stop": ("verified",)} if kind == "start" else {"stop": (event,)}
    spec = ClockSpec.model_validate({"name": Name(en="there", zh="到位"), "by": by, **named})
    row = DeadlineRule.model_validate({"id": "there.row", "clock": "there", "duration": 30, "unit": "minute"})
    steps = {
        code: StepSpec(name=Name(en=code, zh="报到"), by=who, states=("dispatched", "accepted", "resolved"))
        for code, who in (("reported_in", "joint"), ("looked", "party"))
    }
    return dataclasses.replace(
        WIDER, clocks={**WIDER.clocks, "there": spec}, deadlines=(*WIDER.deadlines, row), steps={**WIDER.steps, **steps}
    )


def word(event: str, who: str) -> Update:
    return update(2, who, "CUSTOM", 10, code=event)


@pytest.mark.parametrize("kind", ["start", "stop"])
@pytest.mark.parametrize("by", ["holder", "helper", "any"])
@pytest.mark.parametrize("event", ["reported_in", "looked"])
def test_every_word_counts_by_who_says_it(event: str, by: str, kind: str) -> None:
    for part, who in WHO.items():
        counts = by in (part, "any")
        with hub_of(city(event, kind, by), CALLS, word(event, who)) as hub:
            if kind == "stop":
                assert last(hub, "there")[0] == ("MET" if counts else "BREACHED"), part
            else:
                assert bool(words(hub, "there")) is counts, part
            assert findings(hub) == []

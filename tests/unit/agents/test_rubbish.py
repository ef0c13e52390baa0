"""Whatever lies in a topic that an agent reads: the agent goes on, each record is accounted for, and what is good comes out."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.clock import CALENDAR
from tests.mutations import CODEC, REGISTRY, examples, mutated, odd, planted, real_records
from tests.unit.agents.bare_agents import BareAgent, Record
from tests.unit.agents.small_world import NOON

TOPICS = {
    "deduplicate": {"city.police.events": "CaseEvent", "dept.roads.updates": "Update", "hub.homes": "Home"},
    "route": {"hub.events": "AdmittedEvent", "hub.closures": "Closure", "hub.erasures": "Erasure"},
    "track": {"hub.cases": "CaseChange", "hub.updates": "AdmittedUpdate"},
}
REAL = {name: real_records(f"cityhub.{name}") for kinds in TOPICS.values() for name in kinds.values()}


def odd_record(name: str, chance: random.Random) -> dict[str, Any]:
    schema = REGISTRY.latest(f"cityhub.{name}")
    return odd(chance.choice(examples(schema)), schema, chance)


def rubbish(agent: str, chance: random.Random, count: int) -> list[Record]:
    """Records of the agent's topics, most of them changed; some lie in the wrong topic."""
    found: list[Record] = []
    for _ in range(count):
        topic, name = chance.choice(list(TOPICS[agent].items()))
        if chance.random() < 0.05:
            name = chance.choice(list(REAL))
        real = chance.choice(REAL[name])
        if chance.random() < 0.5:
            value = CODEC.encode_one(f"cityhub.{name}", odd_record(name, chance))
        else:
            value = real if chance.random() < 0.1 else mutated(real, REAL[name], chance)
        found.append((topic, chance.choice([None, b"", b"key", b"\xff\x00"]), chance.choice([value] * 20 + [None])))
    return found


@pytest.mark.parametrize("agent", TOPICS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(seed=st.integers(0, 2**32), chunks=st.integers(1, 4), count=st.integers(0, 60))
def test_an_agent_goes_on_over_rubbish(agent: str, seed: int, chunks: int, count: int) -> None:
    bare, chance = BareAgent(agent), random.Random(seed)
    for _ in range(chunks):
        outputs: Any = bare.take(rubbish(agent, chance, count))  # raises if the agent would end its worker
        for letter in bare.letters(outputs):
            assert letter["stage"] == agent
    bare.take([], caught_up=True)


ODD_VALUES: dict[str, list[Any]] = {
    "string": ["", "a\0b", "\x1b[2J", "x" * 9_000, "\U0001f6a8" * 5_000, "dispatch_desk", "a, b", "~now", "police:R1"],
    "int": [-1, -(2**31), 2**31 - 1], "long": [-1, -(1 << 63), (1 << 63) - 1], "double": [float("nan"), float("-inf"), 1e308],
    "boolean": [True, False], "timestamp-millis": [-1, 0, 1 << 62, -(1 << 63), CALENDAR.most, NOON],
}  # fmt: skip


@pytest.mark.parametrize("agent", TOPICS)
def test_nothing_that_stands_in_any_field_ends_an_agent_or_comes_out_as_nobody_can_read_it(agent: str) -> None:
    bare, letters = BareAgent(agent), 0
    for topic, name in TOPICS[agent].items():
        schema = REGISTRY.latest(f"cityhub.{name}")
        for example in examples(schema):
            values = [CODEC.encode_one(schema.subject, each) for each in planted(example, schema.declared, ODD_VALUES)]
            outputs = bare.take([(topic, b"key", value) for value in values])
            letters += len(bare.letters(outputs))
            for _, value in itertools.chain.from_iterable(outputs.values()):
                assert value is None or CODEC.decode_one(value)
    bare.take([], caught_up=True)
    assert letters


@pytest.mark.parametrize("agent", TOPICS)
def test_a_record_that_is_small_only_on_the_wire_costs_itself(agent: str) -> None:
    bare = BareAgent(agent)
    huge: list[Record] = [(topic, bytes(13 << 20), bytes(13 << 20)) for topic in TOPICS[agent]]
    good: list[Record] = [(topic, b"k", REAL[name][-1]) for topic, name in TOPICS[agent].items()]
    letters = bare.letters(bare.take([*good, *huge, *good]))
    cut = [each for each in letters if each["truncated"]]
    assert [each["reason"] for each in cut] == ["too_large"] * len(huge)
    assert {each["size_bytes"] for each in cut} == {13 << 20}


def test_what_names_a_department_that_does_not_exist_is_sent_to_nobody() -> None:
    bare = BareAgent("track")
    change = examples(REGISTRY.latest("cityhub.CaseChange"))[0]
    known = {"change": "OPENED", "department": "no_such_department", "ends": False, "over": False, "origin": None}
    times = {"at": NOON, "opened_at": NOON, "due_at": NOON + 60_000}
    outputs = bare.take([("hub.cases", b"k", CODEC.encode_one("cityhub.CaseChange", change | known | times))])
    letters = bare.letters(outputs)
    assert {(each["reason"], each["origin"]) for each in letters} == {("no_receiver", None)}
    assert CODEC.decode_one(letters[0]["value"])[0].subject == "cityhub.Order"

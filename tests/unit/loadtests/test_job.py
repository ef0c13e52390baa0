"""The measured job: the table means the same to the hub as to the peers, the data is what it says, and the check can fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.deadlines.rules import DeadlineRules
from hub.core.routing.router import Router
from hub.policy import load_city
from hub.policy.city import City
from loadtests.job.check import Checker
from loadtests.job.city import write_city
from loadtests.job.events import BASE_MS, Block, Events, Truth, number_of, source_of
from loadtests.job.rules import Rules, make_rules
from loadtests.job.work import Work

RULES = make_rules(1)
DAYS_MS = 60 * 86_400_000


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return load_city(write_city(RULES, tmp_path_factory.mktemp("job") / "city"))


def some(records: int = 2000, seed: int = 7) -> tuple[list[Block], Truth]:
    events = Events(RULES, seed, block=500)
    return list(events.blocks(records)), events.truth()


def orders_of(blocks: list[Block]) -> dict[bytes, bytes]:
    """By case, as the Python peers make them."""
    work = Work(RULES)
    found: dict[bytes, bytes] = {}
    for block in blocks:
        for value in block.values:
            order = work.order(work.decode(value))
            found.setdefault(order["case_id"].encode(), work.encode(order))
    return found


def test_rules_survive_their_file(tmp_path: Path) -> None:
    RULES.save(tmp_path / "job.json")
    assert Rules.load(tmp_path / "job.json") == RULES


@given(
    category=st.sampled_from(RULES.categories),
    area=st.sampled_from(RULES.areas),
    start_ms=st.integers(BASE_MS, BASE_MS + DAYS_MS),
)
def test_the_hub_decides_as_the_table_says(city: City, category: str, area: str, start_ms: int) -> None:
    decision = Router(city).route_one("hotline", category, area, "ROUTINE")
    assert (decision.department, decision.rule) == RULES.route(category, area)
    (due,) = DeadlineRules(city).due_one(category, "hotline", "ROUTINE", area, start_ms)
    assert (due.policy, due.due_ms) == (RULES.limits[category].policy, RULES.due_ms(category, start_ms))


def test_a_seed_makes_the_same_data_and_its_beginning_is_a_prefix() -> None:
    blocks, truth = some(2000)
    again, _ = some(2000)
    assert blocks == again
    shorter, truth_shorter = some(1000)
    assert blocks[: len(shorter)] == shorter
    assert np.array_equal(truth.digest[: truth_shorter.orders], truth_shorter.digest)
    assert blocks != some(2000, seed=8)[0]


def test_one_in_twenty_repeats_an_earlier_record_byte_for_byte() -> None:
    blocks, truth = some(20_000)
    seen: dict[bytes, bytes] = {}
    repeats = 0
    for block in blocks:
        for key, value in zip(block.keys, block.values, strict=True):
            repeats += key in seen
            assert seen.setdefault(key, value) == value
    assert truth.records == 20_000
    assert truth.orders == len(seen) == truth.records - repeats
    assert 0.04 < repeats / truth.records < 0.06
    assert sorted(map(number_of, seen)) == list(range(truth.orders))


def test_events_are_about_three_hundred_bytes_and_say_whose_they_are() -> None:
    blocks, _ = some(500)
    work = Work(RULES)
    sizes = [len(value) for block in blocks for value in block.values]
    assert 280 < sum(sizes) / len(sizes) < 340
    for key, value in zip(blocks[0].keys, blocks[0].values, strict=True):
        assert source_of(key) == work.decode(value)["source"]


def test_live_events_are_reported_when_they_are_made() -> None:
    events = Events(RULES, 1)
    block = events.make(50, opened_ms=BASE_MS + 5)
    assert {Work(RULES).decode(value)["reported_at"] for value in block.values} == {BASE_MS + 5}
    assert set(events.truth().opened_ms.tolist()) == {BASE_MS + 5}


def test_truth_survives_its_file(tmp_path: Path) -> None:
    _, truth = some(500)
    truth.save(tmp_path / "truth.npz")
    again = Truth.load(tmp_path / "truth.npz")
    assert (again.records, again.orders) == (truth.records, truth.orders)
    assert np.array_equal(again.digest, truth.digest)


def test_right_orders_are_good() -> None:
    blocks, truth = some()
    orders = orders_of(blocks)
    checker = Checker(RULES, truth)
    keys, values = list(orders), list(orders.values())
    checker.add(keys[:700], values[:700])
    assert not checker.verdict().good
    checker.add(keys[700:], values[700:])
    assert checker.verdict().good
    assert checker.verdict().counted == truth.orders


def test_a_missing_and_a_doubled_order_are_counted() -> None:
    blocks, truth = some()
    orders = orders_of(blocks)
    keys, values = list(orders), list(orders.values())
    checker = Checker(RULES, truth)
    checker.add(keys[1:] + keys[5:6], values[1:] + values[5:6])
    verdict = checker.verdict()
    assert (verdict.missing, verdict.doubled, verdict.wrong, verdict.good) == (1, 1, 0, False)


SPOILT = {
    "department": lambda order: order | {"department": "nobody"},
    "rule": lambda order: order | {"rule": "none"},
    "area": lambda order: order | {"area": "A99"},
    "kind": lambda order: order | {"kind": "AMEND"},
    "due": lambda order: order | {"deadlines": [order["deadlines"][0] | {"due_at": 1}]},
    "policy": lambda order: order | {"deadlines": [order["deadlines"][0] | {"policy": "other"}]},
    "no due": lambda order: order | {"deadlines": []},
    "two dues": lambda order: order | {"deadlines": order["deadlines"] * 2},
    "event": lambda order: order | {"event": order["event"] | {"text": order["event"]["text"][::-1]}},
    "key": lambda order: order | {"case_id": order["case_id"] + "0"},
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_wrong_order_is_found(what: str) -> None:
    blocks, truth = some(200)
    work = Work(RULES)
    orders = orders_of(blocks)
    order = work.order(work.decode(blocks[0].values[0]))
    orders[order["case_id"].encode()] = work.encode(SPOILT[what](order))
    checker = Checker(RULES, truth)
    checker.add(list(orders), list(orders.values()))
    verdict = checker.verdict()
    assert verdict.wrong == 1, verdict
    assert not verdict.good


@pytest.mark.parametrize("value", [b"", b"\x00\x00\x00\x00\x01abc", b"\x00\x00\x00\x00\x06"])
def test_what_is_no_order_is_wrong(value: bytes) -> None:
    _, truth = some(200)
    checker = Checker(RULES, truth)
    checker.add([b"C-HL202603020000000000"], [value])
    assert checker.verdict().wrong == 1

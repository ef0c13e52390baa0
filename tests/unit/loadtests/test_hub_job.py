"""The hub's own contender makes the orders that the plain Python reference makes, byte for byte, repeats left out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.clock import wall_ms
from hub.core.dedup.admission import admit
from hub.core.dedup.memory import SeenState
from hub.policy import load_city
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.topics import DEDUPLICATE_CHANGELOG
from loadtests.hub_job.work import OrderWork
from loadtests.job.city import write_city
from loadtests.job.events import BASE_MS, Events
from loadtests.job.rules import make_rules
from loadtests.job.work import Work

RULES = make_rules(1)


CODEC, REFERENCE = Codec(FileRegistry()), Work(RULES)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> OrderWork:
    return OrderWork(load_city(write_city(RULES, tmp_path_factory.mktemp("job") / "city")), CODEC)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 300))
def test_same_bytes_as_the_reference(work: OrderWork, seed: int, size: int) -> None:
    codec, reference, state = CODEC, REFERENCE, SeenState(86_400_000, DEDUPLICATE_CHANGELOG, wall_ms)
    block = Events(RULES, seed).make(300)
    found: dict[str, bytes] = {}
    for start in range(0, len(block.values), size):
        values = block.values[start : start + size]
        decoded = codec.decode_many("cityhub.CaseEvent", values)
        places = list(range(start, start + len(values)))
        admission = admit(work.arrivals("t", [0] * len(values), places, values, decoded), state.seen, BASE_MS)
        state.stage(admission.fresh)
        state.commit()
        case_ids, orders = work.orders(decoded, admission.first)
        assert not set(case_ids) & found.keys()
        found.update(zip(case_ids, orders, strict=True))
    wanted: dict[str, bytes] = {}
    for value in block.values:
        order = reference.order(reference.decode(value))
        wanted.setdefault(order["case_id"], reference.encode(order))
    assert found == wanted

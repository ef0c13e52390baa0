"""The hub in memory keeps what a broker and a worker keep: transactions, places, sizes, and what is known after a crash."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import topics
from hub.agents.context import Hub
from hub.agents.live_policy import LivePolicy
from hub.clock import wall_ms
from hub.errors import FatalError, RejectedRecordError
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.policy import load_city
from hub.settings import ROOT, Settings
from hub.stream.writing.partitioning import partition_of
from hub.testing.memory import CommittedRecord, MemoryAgent, MemoryBroker, MemoryHub
from hub.topics import Topic

CITY = load_city(ROOT / "ops" / "cities" / "demo")
NOON = 1_772_420_400_000
IN, OUT = Topic("in", "any", None), Topic("out", "any", None, partitions=1)


def report(ref: str, **changes: object) -> CaseEvent:
    fields = {
        "source": "hotline", "source_ref": ref, "revision": 0, "kind": EventKind.OPENED, "reported_at": NOON,
        "category": "water.burst", "urgency": Urgency.URGENT, "place": Place(code="LT01"), "title": "", "text": "",
        "channel": "phone",
    } | changes  # fmt: skip
    return CaseEvent.model_validate(fields)


@pytest.fixture
def hub() -> Iterator[MemoryHub]:
    with MemoryHub(CITY, NOON, partitions=3) as hub:
        yield hub


# -- the broker ------------------------------------------------------------------------------------------------------------


def made(partitions: int = 3) -> MemoryBroker:
    return MemoryBroker([IN, OUT], partitions, {"one": ["in"]}, lambda: NOON)


@given(st.lists(st.lists(st.binary(min_size=1, max_size=5), max_size=20), max_size=5), st.integers(1, 30))
def test_all_is_read_once_in_order_of_its_key_and_by_its_place(appended: list[list[bytes]], limit: int) -> None:
    broker = made()
    for keys in appended:
        broker.append("in", keys, keys)
    found: list[CommittedRecord] = []
    while broker.unread["one"]:
        batches = broker.read("one", limit)
        assert batches == broker.read("one", limit), "until it is committed it is the next"
        broker.commit("one", batches, [])
        found += [record for batch in batches for record in batch.records()]
    sent = [key for keys in appended for key in keys]
    assert sorted(found) == sorted(broker.records("in"))
    assert all(record.partition == partition_of(record.key or b"", 3) for record in found)
    for number in range(3):
        here = [record for record in found if record.partition == number]
        assert [record.key for record in here] == [key for key in sent if partition_of(key, 3) == number]
        assert [record.offset for record in here] == list(range(len(here)))
        assert broker.positions["one"].get(("in", number), 0) == len(here)


def test_a_topic_that_leaves_the_hub_has_the_partitions_it_declares() -> None:
    broker = made()
    broker.append("out", ["a", "b", "c"], [b"1", b"2", None])
    assert [(record.partition, record.offset) for record in broker.records("out")] == [(0, 0), (0, 1), (0, 2)]


def test_what_no_broker_would_take_is_refused() -> None:
    with pytest.raises(FatalError, match="no topic elsewhere"):
        made().append("elsewhere", ["a"], [b"1"])
    with pytest.raises(FatalError, match="takes records of"):
        made().append("in", ["a"], [bytes(IN.max_bytes)])


def test_a_broker_that_keeps_nothing_hands_out_the_same() -> None:
    broker = MemoryBroker([IN, OUT], 1, {"one": ["in"]}, lambda: NOON, keep=False)
    broker.append("in", ["a", "b"], [b"1", b"2"])
    broker.append("out", ["a"], [b"1"])
    assert [batch.values for batch in broker.read("one", 9)] == [[b"1", b"2"]]
    assert broker.published == {"in": 2, "out": 1}
    assert broker.records("in") == broker.records("out") == []


# -- the agents ------------------------------------------------------------------------------------------------------------


def test_time_is_what_was_set_and_only_within_the_block() -> None:
    with MemoryHub(CITY, NOON) as hub:
        assert wall_ms() == NOON
        hub.clock.now_ms += 1
        assert wall_ms() == NOON + 1
    assert wall_ms() != NOON + 1


def test_a_source_that_is_none_is_refused_where_it_speaks(hub: MemoryHub) -> None:
    with pytest.raises(FatalError, match=r"no topic city\.nobody\.events"):
        hub.publish(report("H1", source="nobody"))


def test_a_source_with_too_many_rejects_is_paused_and_nobody_else() -> None:
    with MemoryHub(CITY, NOON, dead_letter_run=5) as hub:
        hub.publish(report("H1", source="police"), report("H2"))
        for _ in range(10):
            hub.send("city.hotline.events", b"k", b"rubbish")
        hub.run()
        assert list(hub.paused) == ["city.hotline.events"]
        assert "CITYHUB_DEAD_LETTER_RUN" in hub.paused["city.hotline.events"]
        hub.publish(report("H3"), report("H4", source="police"))
        hub.run()
        assert {each["source_ref"] for each in hub.records("hub.cases")} == {"H1", "H4"}
        assert not hub.records("hub.dead"), "its records wait, and are set aside by nobody"
        account, _ = hub.audit()
        assert (account.waiting.count, account.lost.count) == (12, 0)


def test_a_changelog_with_what_is_not_the_agents_own_is_not_taken_up(hub: MemoryHub) -> None:
    agent = MemoryAgent("route", Hub(Settings(partitions=1), LivePolicy(CITY), hub.codec, ()))
    with pytest.raises(RejectedRecordError):
        agent.take_up([CommittedRecord(topics.ROUTE_CHANGELOG.name, 0, 0, NOON, b"C-1", b"rubbish")])

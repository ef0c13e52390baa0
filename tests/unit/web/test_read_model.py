"""A cursor goes through a topic as its records lie, and what the model says of cases does not hang on the order of reading."""

from __future__ import annotations

import json
import random
from pathlib import Path
from urllib.parse import quote

import pytest
from confluent_kafka import Uuid
from hypothesis import given
from hypothesis import strategies as st

from hub.model.update import Update
from hub.stream.kafka.record import KafkaRecord
from hub.topics import OWN_SOURCE, city_events, city_replies, kept
from hub.web.read import cursor
from hub.web.read.model import CaseState, ShownClock
from hub.web.read.records import forget, topics_read
from hub.web.read.sqlite import SqliteModel
from tests.mutations import REGISTRY, examples
from tests.unit.web.front import NOON, MemoryWeb, memory_web, pothole, put_all

_CURSORS = st.lists(st.integers(0, 10**17), max_size=8).map(tuple)
_IDS = st.builds(Uuid, st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1)).map(str)


@given(_CURSORS, st.integers(0, 9), st.integers(0, 10**17), _IDS)
def test_a_cursor_is_what_its_text_says(some: cursor.PageCursor, partition: int, offset: int, log: str) -> None:
    then = cursor.cursor_behind(some, partition, offset)
    assert cursor.parsed_cursor(cursor.cursor_text(then, "")) == (then, "")
    text = cursor.cursor_text(then, log)
    assert cursor.parsed_cursor(text) == (then, cursor.cursor_log(log))
    assert quote(text, safe="") == text, "it comes through an address as it is"
    assert cursor.position_of(then, partition) == offset + 1
    assert all(
        cursor.position_of(then, other) == cursor.position_of(some, other) for other in range(10) if other != partition
    )


def stored(web: MemoryWeb) -> list[KafkaRecord]:
    return [
        KafkaRecord(each.topic, each.partition, each.offset, each.arrived_ms, each.value)
        for topic in topics_read(web.hub.sources, web.hub.departments)
        for each in web.hub.broker.records(topic.name)
    ]


def seen(model: SqliteModel, refs: list[str]) -> list[tuple[CaseState | None, list[ShownClock]]]:
    cases = [model.case_of("hotline", ref) for ref in refs]
    return [(case, model.clocks(case.case_id) if case else []) for case in cases]


def test_topics_may_be_read_in_any_order(tmp_path: Path) -> None:
    with memory_web(tmp_path) as web:
        web.hub.publish(
            pothole("H1"), pothole("H2", reported_at=NOON + 1000), pothole("H3", place={"lat": 34.09, "lon": 114.5})
        )
        web.settle()
        for number, order in enumerate(web.hub.records("dept.roads.orders", kind="ASSIGN")):
            fields = {"department": "roads", "case_id": order["case_id"], "at": NOON + 5000}
            web.hub.publish(Update(update_id=f"U{number}", status="ACCEPTED", **fields))
            web.settle()
            if number:
                web.hub.publish(Update(update_id="R", status="RESOLVED", **fields))
        web.settle()
        refs = ["H1", "H2", "H3"]
        expected = seen(web.model, refs)
        assert {case.is_over for case, _ in expected if case} == {True, False}
        for seed in range(5):
            records = stored(web)
            topics = sorted({each.topic for each in records}, key=lambda _: random.Random(seed).random())
            random.Random(seed).shuffle(topics)
            model = SqliteModel(tmp_path / f"again{seed}.sqlite")
            for topic in topics:
                put_all(model, [each for each in records if each.topic == topic])
            assert seen(model, refs) == expected
            model.close()


def test_what_its_own_source_is_told_is_read_before_the_source_was_there() -> None:
    assert city_replies(OWN_SOURCE) in topics_read(["hotline"], [])
    assert len(topics_read([OWN_SOURCE], [])) == len(set(map(id, topics_read([OWN_SOURCE], []))))


def test_what_is_not_the_hubs_own_is_left_out(tmp_path: Path) -> None:
    with memory_web(tmp_path) as web:
        rubbish = [None, b"", b"\x00", b"\x00\x00\x00\x00\x01", b"{}", b"\xff" * 40]
        records = [KafkaRecord("dept.roads.orders", 0, number, NOON, value) for number, value in enumerate(rubbish)]
        assert put_all(web.model, records) == set()
        assert web.model.end("dept.roads.orders") == (len(rubbish),)


def test_a_record_that_nobody_can_show_stops_no_page(tmp_path: Path) -> None:
    with memory_web(tmp_path) as web:
        web.hub.publish(pothole("H1"))
        web.settle()
        own = city_events(OWN_SOURCE).name
        event, order = examples(REGISTRY.latest("cityhub.CaseEvent"))[0], web.hub.records("dept.roads.orders")[0]
        never = [
            (own, "cityhub.CaseEvent", {**event, "source": OWN_SOURCE, "source_ref": "S-1", "reported_at": 1 << 62}),
            (
                own,
                "cityhub.CaseEvent",
                {**event, "source_ref": "S-2", "place": {**event["place"], "lat": float("nan")}},
            ),
            (
                "dept.roads.orders",
                "cityhub.Order",
                {**order, "event": {**event, "place": {**event["place"], "lon": float("inf")}}},
            ),
        ]
        records = [
            KafkaRecord(topic, 0, 100 + number, NOON, web.hub.codec.encode_one(subject, fields))
            for number, (topic, subject, fields) in enumerate(never)
        ]
        assert put_all(web.model, records) == set()
        assert web.client.get("/open311/v2/requests.json").json() == []
        assert web.client.get("/open311/v2/requests.xml").status_code == 200
        told = web.client.get("/departments/roads/orders", headers=web.bearer("roads"))
        assert len(json.loads(told.text, parse_constant=int)["orders"]) == 1


def test_several_partitions_are_read_whole(tmp_path: Path) -> None:
    with memory_web(tmp_path) as web:
        web.hub.publish(
            *(pothole(f"H{number}", place={"lat": 34.0 + number / 100, "lon": 114.515}) for number in range(6))
        )
        web.settle()
        values = [each.value for each in web.hub.broker.records("dept.roads.orders")]
        model = SqliteModel(tmp_path / "parted.sqlite")
        records = [
            KafkaRecord("dept.roads.orders", number % 3, number // 3, NOON, value)
            for number, value in enumerate(values)
        ]
        put_all(model, records)
        found, after = [], cursor.PAGE_START
        while page := model.department_records("dept.roads.orders", after, 2):
            found += [each.body for each in page]
            after = page[-1].cursor
        assert sorted(found) == sorted(
            each.body for each in model.department_records("dept.roads.orders", cursor.PAGE_START, 100)
        )
        assert len(found) == len(set(found)) == len(values)
        assert after == model.end("dept.roads.orders")
        model.close()


def test_what_the_topics_keep_no_longer_is_forgotten(tmp_path: Path) -> None:
    with memory_web(tmp_path) as web:
        web.hub.publish(pothole("H1"))
        web.settle()
        read = topics_read(web.hub.sources, web.hub.departments)
        forget(web.model, NOON + 89 * 86_400_000, read)
        assert web.model.department_records("dept.roads.orders", cursor.PAGE_START, 10)
        forget(web.model, NOON + 91 * 86_400_000, read)
        assert not web.model.department_records("dept.roads.orders", cursor.PAGE_START, 10)
        case = web.model.case_of("hotline", "H1")
        assert case is not None
        assert not case.is_over
        forget(web.model, NOON + 5000 * 86_400_000, read)
        assert web.model.case_of("hotline", "H1") is not None, "what is open is not forgotten"


@pytest.mark.parametrize("text", ["", "0", "12", "12.0.7"])
def test_texts_of_cursors(text: str) -> None:
    assert cursor.cursor_text(*cursor.parsed_cursor(text)) == (text or "0")


def test_each_topic_is_remembered_for_as_long_as_the_rules_keep_it(tmp_path: Path) -> None:
    with memory_web(tmp_path) as web:
        web.hub.publish(pothole("H1"))
        web.settle()
        declared = topics_read(web.hub.sources, web.hub.departments)
        forget(web.model, NOON + 8 * 86_400_000, kept(declared, {"dept.*.orders": 9}))
        assert web.model.department_records("dept.roads.orders", cursor.PAGE_START, 10)
        forget(web.model, NOON + 8 * 86_400_000, kept(declared, {"dept.*.orders": 9, "dept.roads.orders": 7}))
        assert not web.model.department_records("dept.roads.orders", cursor.PAGE_START, 10)

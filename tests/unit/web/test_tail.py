"""Who reads on by cursor has every line once and in order, whether memory or the database answers; and does not wait for more."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import FatalError
from hub.ledger.facts import Facts
from hub.settings import Settings
from hub.stream.kafka.record import KafkaRecord
from hub.topics import ERASURES
from hub.web.news import News
from hub.web.read import feed as feed_module
from hub.web.read.cursor import PAGE_START, PageCursor
from hub.web.read.feed import TopicFeed
from hub.web.read.records import put_words
from hub.web.read.sqlite import SqliteModel
from hub.web.read.tail import LineTail
from tests.mutations import CODEC, REGISTRY, examples
from tests.unit.web.front import NOON, MemoryWeb, memory_web, put_all
from tests.unit.web.test_erased import ERASE, EVENT

TOPIC = "dept.roads.orders"
_ORDER = examples(REGISTRY.latest("cityhub.Order"))[0]


def order(partition: int, offset: int) -> KafkaRecord:
    """Of a report that an erasure takes away, wherever it comes."""
    fields: dict[str, Any] = {**_ORDER, "order_id": f"{partition}@{offset}", "event": EVENT}
    return KafkaRecord(TOPIC, partition, offset, NOON, CODEC.encode_one("cityhub.Order", fields))


class Reader:
    """A client that keeps its cursor, and is answered as the gateway answers."""

    def __init__(self) -> None:
        self.after: PageCursor = PAGE_START
        self.bodies: list[dict[str, Any]] = []

    def read(self, model: SqliteModel, limit: int) -> bool:
        found, known = (each(TOPIC, self.after, limit) for each in (model.newest_records, model.department_records))
        assert found is None or found == known, "memory says what the database says"
        for each in known:
            self.after = each.cursor
            self.bodies.append(json.loads(each.body))
        return bool(known)

    @property
    def places(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for body in self.bodies:
            partition, offset = body["order_id"].split("@")
            found[int(partition)].append(int(offset))
        return found


@st.composite
def batches(draw: st.DrawFn) -> list[list[KafkaRecord]]:
    """Orders in several partitions, some behind a hole, with what is no order between, and now and then an erasure."""
    ends: dict[int, int] = defaultdict(int)
    drawn: list[list[KafkaRecord]] = []
    for kinds in draw(st.lists(st.lists(st.sampled_from("ooooohxe"), min_size=1, max_size=6), max_size=8)):
        batch: list[KafkaRecord] = []
        for kind in kinds:
            partition = draw(st.integers(0, 2))
            if kind == "e":
                batch.append(KafkaRecord(ERASURES.name, 0, 10 * len(drawn) + len(batch), NOON + 1, ERASE))
                continue
            offset = ends[partition] + (kind == "h")
            ends[partition] = offset + 1
            batch.append(
                KafkaRecord(TOPIC, partition, offset, NOON, b"rubbish") if kind == "x" else order(partition, offset)
            )
        drawn.append(batch)
    return drawn


@settings(max_examples=25, deadline=None)
@given(batches(), st.sampled_from((0, 3000, 10**6)), st.data())
def test_whoever_reads_on_has_every_line_once_and_in_order(
    drawn: list[list[KafkaRecord]], most_bytes: int, data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        model = SqliteModel(Path(folder) / "model.sqlite")
        model._tail = LineTail(most_bytes)
        readers = [Reader() for _ in range(3)]
        try:
            for batch in drawn:
                put_words(model, CODEC, batch)
                if data.draw(st.booleans(), "again"):
                    put_words(model, CODEC, batch)  # as after a transaction that failed at its end
                for reader in data.draw(st.lists(st.sampled_from(readers)), "who asks"):
                    reader.read(model, data.draw(st.integers(1, 4)))
            for reader in readers:
                while reader.read(model, 3):
                    pass
            end = model.end(TOPIC)
            last = model.newest_records(TOPIC, end, 9)
        finally:
            model.close()
    expected: dict[int, list[int]] = defaultdict(list)
    for each in (record for batch in drawn for record in batch if record.topic == TOPIC):
        assert end[each.partition] > each.offset
        if each.value != b"rubbish":
            expected[each.partition].append(each.offset)
    assert last == [], "who has come to the end is answered without the database"
    for reader in readers:
        assert reader.places == expected
        assert all(here <= there for here, there in zip(reader.after, end, strict=False))


def test_what_was_erased_is_in_memory_no_longer(tmp_path: Path) -> None:
    for number, batch in enumerate(([0, 1], [1, 0], [0], [1])):
        records = [order(0, 0), KafkaRecord(ERASURES.name, 0, 0, NOON + 1, ERASE)]
        model = SqliteModel(tmp_path / f"{number}.sqlite")
        put_all(model, [records[at] for at in batch])
        put_all(model, [records[at] for at in (0, 1) if at not in batch])
        put_all(model, [order(0, 1)])
        assert model.newest_records(TOPIC, (1,), 9) is not None
        for told in (model.newest_records(TOPIC, PAGE_START, 9), model.department_records(TOPIC, PAGE_START, 9)):
            assert told is None or [json.loads(each.body)["event"]["text"] for each in told] == ["", ""]
        model.close()


class SeenFacts:
    """The projection, while it works: how many records it was given, how many lines are there by then, and who was told."""

    def __init__(self, web: MemoryWeb) -> None:
        self._web = web
        self.seen: list[tuple[int, int, set[str]]] = []
        self.told: set[str] = set()

    def read(self, records: Sequence[KafkaRecord]) -> Facts:
        found = self._web.model.department_records(TOPIC, PAGE_START, 9)
        self.seen.append((len(records), len(found), set(self.told)))
        return Facts()


class HeardNews(News):
    def __init__(self, facts: SeenFacts) -> None:
        super().__init__()
        self._facts = facts

    def tell(self, topics: Iterable[str]) -> None:
        self._facts.told |= set(topics)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[MemoryWeb]:
    with memory_web(tmp_path) as web:
        yield web


def feed_of(web: MemoryWeb, facts: SeenFacts) -> TopicFeed:
    return TopicFeed(Settings(), CODEC, facts, web.model, HeardNews(facts), lambda there: [])  # type: ignore[arg-type]


def test_nobody_waits_for_the_projection_to_have_an_order(web: MemoryWeb) -> None:
    facts = SeenFacts(web)
    feed_of(web, facts)._take([order(0, 0)])
    assert facts.seen == [(1, 1, {TOPIC})]
    (line,) = web.model.department_records(TOPIC, PAGE_START, 9)
    asked = web.client.get("/departments/roads/orders?after=1", headers=web.bearer("roads"))
    assert (line.cursor, asked.status_code) == ((1,), 200), "its cursor is known, though the projection is behind"


def test_what_piles_up_before_the_projection_is_in_nobodys_way(web: MemoryWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_PIECE", 2)
    monkeypatch.setattr(feed_module, "_MOST_LATER", 4)
    facts = SeenFacts(web)
    feed = feed_of(web, facts)
    for batch in ([order(0, 0), order(0, 1), order(0, 2), order(0, 3)], [order(0, 4)], []):
        feed._take(batch)
    assert [(records, lines) for records, lines, _ in facts.seen] == [(2, 4), (2, 5), (1, 5)]
    feed._take([order(0, number) for number in range(5, 13)])
    assert [records for records, *_ in facts.seen[3:]] == [2, 2], "it waits where too much would pile up"
    web.model.is_ready = False
    feed._take([])
    assert [records for records, *_ in facts.seen[5:]] == [4], "nobody is answered by then, so all comes first"


class Assigned:
    """A consumer that reads nothing."""

    def incremental_assign(self, places: object) -> None: ...


def test_a_topic_made_anew_while_it_is_read_is_not_read_on(web: MemoryWeb) -> None:
    """Its first records have offsets that were read, and would be left out as such without a word."""
    logs, feed = {TOPIC: "former"}, feed_of(web, SeenFacts(web))
    feed._ids = lambda topics: {topic: logs[topic] for topic in topics}
    consumer: Any = Assigned()
    feed._take_up(consumer, [TOPIC], {TOPIC: [0]})
    feed._take_up(consumer, [TOPIC], {TOPIC: [0]})
    assert web.model.topic_id(TOPIC) == "former"
    logs[TOPIC] = "latter"
    with pytest.raises(FatalError, match=f"{TOPIC} was deleted and made anew; start"):
        feed._take_up(consumer, [TOPIC], {TOPIC: [0]})

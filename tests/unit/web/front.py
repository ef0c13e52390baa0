"""A hub in memory with its web before it: what comes in by HTTP goes into the hub's topics, and what is there is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from hub.model.event import CaseEvent
from hub.policy import City, load_city
from hub.settings import ROOT
from hub.stream.kafka.record import KafkaRecord
from hub.testing.memory import MemoryHub
from hub.topics import OWN_SOURCE
from hub.web.access.accounts import Role, User
from hub.web.access.file import AccessFile
from hub.web.access.guard import COOKIE, Access
from hub.web.app import web_app
from hub.web.front import Front
from hub.web.intake import NotTakenError, Outgoing
from hub.web.live_city import LiveCity
from hub.web.news import News
from hub.web.open311.config import Open311File, load_open311
from hub.web.read.records import put_facts, put_words, topics_read
from hub.web.read.sqlite import SqliteModel
from hub.web.tokens import Scope, TokenKind, Tokens
from tests.mutations import CODEC
from tests.unit.ledger.made_up import READER
from tests.unit.web.access.cheap import cheap_passwords

NOON = 1_772_424_000_000
"""2026-03-02 12:00 in the demo city, in ms."""

CITY = load_city(ROOT / "ops" / "cities" / "demo")


def put_all(model: SqliteModel, records: Sequence[KafkaRecord]) -> set[str]:
    """As the feed does: the topics that have something new."""
    changed = put_words(model, CODEC, records)
    put_facts(model, READER, records)
    return changed


class MemoryWeb:
    """`hub` decides when `settle` is called; then the model has all of it, too."""

    def __init__(self, hub: MemoryHub, folder: Path, offers: Open311File, city: City = CITY) -> None:
        self.city = city
        self.hub, self.offers, self._folder, self._models = hub, offers, folder, 0
        self.is_away = False
        """While Kafka is, nothing is taken."""
        self.tokens = Tokens(folder / "tokens.json")
        self.access = Access(AccessFile(folder / "access.sqlite"), cheap_passwords())
        self.rebuild()

    def rebuild(self) -> None:
        """As after a restart: a model that knows nothing, and then what is in the topics."""
        if self._models:
            self.close()
        self._models += 1
        self.model, self.news = SqliteModel(self._folder / f"{self._models}.sqlite"), News()
        self._seen: dict[str, int] = {}
        self.front = Front(LiveCity(self.city), self.hub.codec, self.model, self.news, self, self.tokens, self.access)
        self.app = web_app(self.front, self.offers, b"a secret of this test's")
        self.client = TestClient(
            self.app, base_url="http://127.0.0.1", raise_server_exceptions=False, client=("127.0.0.1", 50_000)
        )
        self.read()
        self.model.is_ready = True

    def close(self) -> None:
        self.client.close()
        self.model.close()

    async def put(self, records: Sequence[Outgoing]) -> None:
        if self.is_away:
            raise NotTakenError
        for record in records:
            self.hub.send(record.topic, record.key, record.value)

    def settle(self, until_ms: int | None = None) -> None:
        self.hub.settle(until_ms)
        self.read()

    def read(self) -> None:
        """What is new in the topics."""
        found: list[KafkaRecord] = []
        for topic in topics_read(self.hub.sources, self.hub.departments):
            records = self.hub.broker.records(topic.name)
            new = records[self._seen.get(topic.name, 0) :]
            found += [KafkaRecord(each.topic, each.partition, each.offset, each.arrived_ms, each.value) for each in new]
            self._seen[topic.name] = len(records)
        self.news.tell(put_all(self.model, found))

    def bearer(
        self, holder: str, kind: TokenKind = TokenKind.DEPARTMENT, scopes: Sequence[Scope] = tuple(Scope)
    ) -> dict[str, str]:
        """The header of a new token, which is known at once."""
        text = self.tokens.new(kind, holder, scopes)
        self.tokens._looked = -1e9
        return {"Authorization": f"Bearer {text}"}

    def logged_in(self, *roles: Role, department: str | None = None, name: str = "somebody") -> dict[str, str]:
        """The headers of somebody who has a session, with what shows that a call comes from a page of it."""
        text = self.access.sessions.begin(User(name, frozenset(roles), department), "127.0.0.1", outside="a test")
        session = self.access.sessions.find(text)
        assert session is not None
        return {"Cookie": f"{COOKIE}={text}", "X-CSRF-Token": session.csrf, "Sec-Fetch-Site": "same-origin"}


@contextmanager
def memory_web(folder: Path, offers: Open311File | None = None, city: City = CITY) -> Iterator[MemoryWeb]:
    with MemoryHub(city, NOON, sources=("hotline", OWN_SOURCE)) as hub:
        web = MemoryWeb(hub, folder, offers or load_open311(None, city), city)
        try:
            yield web
        finally:
            web.close()
            web.access.close()


def pothole(ref: str, **changes: Any) -> CaseEvent:
    """A report that goes to `roads`."""
    fields: dict[str, Any] = {
        "source": "hotline", "source_ref": ref, "revision": 0, "kind": "OPENED", "reported_at": NOON, "category": "road.pothole",
        "urgency": "ROUTINE", "place": {"lat": 34.02, "lon": 114.515}, "title": "", "text": "A deep one.", "channel": "phone",
    }  # fmt: skip
    return CaseEvent(**fields | changes)

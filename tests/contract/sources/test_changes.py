"""A source of the kind `changes` keeps the contract."""

from __future__ import annotations

import pytest

from hub.sdk.contract import Context, Position
from hub.sdk.sources.changes import source as changes
from hub.sdk.sources.changes.config import ChangesConfig
from hub.sdk.sources.changes.source import ChangesSource
from hub.testing.conformance import Bench, SourceConformance
from tests.unit.sdk.sources.changes.system import Kafka, Table

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def _no_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Kafka of librdkafka's own never answers who asks for the ids of topics."""
    monkeypatch.setattr(changes, "ids_of", lambda client, topics, timeout: {})


@pytest.fixture(scope="module")
def kafka() -> Kafka:
    return Kafka()


class Reached(ChangesSource):
    """Over a network that may lead nowhere."""

    through = True

    def connect(self, position: Position | None) -> None:
        there, config = self.config, self.config
        if not Reached.through:
            self.config = config.model_copy(update={"bootstrap_servers": "127.0.0.1:1", "timeout_seconds": 1.0})
        try:
            super().connect(position)
        finally:
            self.config = there


class TestChanges(SourceConformance):
    @pytest.fixture
    def bench(self, kafka: Kafka, namespace: str) -> Bench:
        topic = f"{namespace}public.requests"
        config = ChangesConfig(bootstrap_servers=kafka.address, topics=(topic,), once=True)
        table = Table(kafka, topic)
        live = config.model_copy(update={"once": False})
        context = Context("works", batch_items=2)
        return Bench(
            lambda: Reached(config, context),
            table.change,
            says_last=True,
            strange=table.grow,
            garble=lambda: kafka.write(topic, b"{half an envelope"),
            live=lambda: ChangesSource(live, context),
            away=lambda gone: setattr(Reached, "through", not gone),
            cannot={
                "busy": "a broker that has enough delays its answers, and says nothing",
                "slow": "reading a topic has no budget of calls: the broker's quotas say how much is sent",
            },
        )

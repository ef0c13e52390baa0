"""A source of the kind `changes` keeps the contract."""

from __future__ import annotations

import pytest

from hub.sdk.contract import Context
from hub.sdk.sources.changes.config import ChangesConfig
from hub.sdk.sources.changes.source import ChangesSource
from hub.testing.conformance import Bench, SourceConformance
from tests.unit.sdk.sources.changes.system import Kafka, Table

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def kafka() -> Kafka:
    return Kafka()


class TestChanges(SourceConformance):
    @pytest.fixture
    def bench(self, kafka: Kafka, namespace: str) -> Bench:
        topic = f"{namespace}public.requests"
        config = ChangesConfig(bootstrap_servers=kafka.address, topics=(topic,), once=True)
        table = Table(kafka, topic)
        live = config.model_copy(update={"once": False})
        context = Context("works", batch_items=2)
        return Bench(
            lambda: ChangesSource(config, context),
            table.change,
            says_last=True,
            live=lambda: ChangesSource(live, context),
        )

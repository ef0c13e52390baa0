"""Orders as messages, at a real Mosquitto: where they go, who hears them, and what waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hub.sdk.contract import Context
from hub.sdk.errors import AuthError
from hub.sdk.sink_contract import DeliveryBatch, Later, Never, SinkContext
from hub.sdk.sinks.mqtt.sink import MqttSettings, MqttSink
from hub.sdk.sources.mqtt.config import MqttConfig
from hub.sdk.sources.mqtt.source import MqttSource
from hub.testing.sinks import order, reply
from tests.mosquitto import Broker, Hearer, mosquitto

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("mosquitto")
    (folder / "rights").write_text("topic readwrite #\n", "utf-8")
    with mosquitto(folder, ["allow_anonymous true", "max_packet_size 4000"]) as found:
        yield found


@pytest.fixture
def name(namespace: str) -> str:
    return namespace.strip(".")


def sink(broker: Broker, name: str, **settings: Any) -> MqttSink:
    config = {
        "host": "127.0.0.1",
        "port": broker.port,
        "client_id": name,
        "topic": f"{name}/{{party}}/{{case}}",
        **settings,
    }
    found = MqttSink(MqttSettings.model_validate(config), SinkContext())
    found.connect()
    return found


def test_an_order_is_a_cloud_event_at_its_topic(broker: Broker, name: str) -> None:
    hearer = Hearer(broker, f"{name}/#", name)
    hearer.heard()
    found = sink(broker, name)
    assert found.write(DeliveryBatch([order(1), order(2, "C/+2")])) == [None, None]
    heard = hearer.heard()
    assert [topic for topic, _ in heard if "fence" not in topic] == [f"{name}/roads/C-1", f"{name}/roads/C%2F%2B2"]
    event = json.loads(heard[0][1])
    assert (event["id"], event["type"], event["data"]["order_id"]) == (order(1).id, "cityhub.order.assign", "O-1")
    found.close()
    hearer.close()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_nobody_hears_waits_where_the_broker_says_so(broker: Broker, name: str, protocol: str) -> None:
    found = sink(broker, name, protocol=protocol)
    (answer,) = found.write(DeliveryBatch([reply(1)]))
    assert (answer == Later("nobody is subscribed to its topic")) is (protocol == "5")
    found.close()
    careless = sink(broker, name, needs_hearer=False)
    assert careless.write(DeliveryBatch([reply(1)])) == [None]
    careless.close()


def test_one_that_is_too_long_is_set_aside_alone(broker: Broker, name: str) -> None:
    hearer = Hearer(broker, f"{name}/+/+", name)
    hearer.heard()
    found = sink(broker, name)
    long = order(2, "C-2")
    long = type(long)(**{**vars(long), "values": {**long.values, "rule": "x" * 5000}})
    first, second, third = found.write(DeliveryBatch([order(1), long, order(3, "C-3")]))
    assert (first, third) == (None, None)
    assert isinstance(second, Never)
    assert len([topic for topic, _ in hearer.heard() if topic.startswith(f"{name}/roads")]) == 2
    found.close()
    hearer.close()


def test_a_connection_that_was_quiet_for_too_long_is_nobodys_loss(tmp_path: Path, name: str) -> None:
    with mosquitto(tmp_path) as own:
        found = sink(own, name, needs_hearer=False)
        own.restart()
        assert found.write(DeliveryBatch([order(1)])) == [None]
        found.close()


def test_who_may_not_speak_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "rights").write_text("topic read #\n", "utf-8")
    with mosquitto(tmp_path, ["allow_anonymous true", f"acl_file {tmp_path / 'rights'}"]) as own:
        found = sink(own, name)
        with pytest.raises(AuthError, match="granted"):
            found.write(DeliveryBatch([order(1)]))
        found.close()


def test_what_leaves_one_hub_can_enter_another(broker: Broker, name: str) -> None:
    config = {
        "host": "127.0.0.1",
        "port": broker.port,
        "client_id": f"{name}-in",
        "topics": [f"{name}/{{party}}/{{case}}"],
    }
    source = MqttSource(MqttConfig.model_validate(config), Context("other"))
    source.connect(None)
    found = sink(broker, name)
    assert found.write(DeliveryBatch([order(1)])) == [None]
    while not (batch := source.read(5)).items:
        pass
    values = batch.items[0].values or {}
    assert (values["data.order_id"], values["topic.party"], values["topic.case"]) == ("O-1", "roads", "C-1")
    source.ack(batch)
    source.close()
    found.close()


@pytest.mark.parametrize("topic", ["", "a/#", "a/+/b", "{nobody}", "{", "{case", "{}"])
def test_a_topic_that_is_none_is_refused(topic: str) -> None:
    with pytest.raises(ValidationError):
        MqttSettings.model_validate({"host": "127.0.0.1", "client_id": "hub", "topic": topic})

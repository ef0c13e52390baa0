"""A source of the kind `mqtt` keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.sdk.contract import Context
from hub.sdk.sources.mqtt.config import MqttConfig
from hub.testing.conformance import Bench, SourceConformance
from tests.mosquitto import Broker, mosquitto
from tests.unit.sdk.sources.mqtt import system as mqtt

pytestmark = pytest.mark.process
SECRET = "s3cr3t-by-test"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


class TestMqtt(SourceConformance):
    @pytest.fixture
    def bench(self, broker: Broker, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
        monkeypatch.setenv("KEY_BY_TEST", SECRET)
        name = namespace.strip(".")
        config = MqttConfig.model_validate(
            {
                "host": "127.0.0.1", "port": broker.port, "client_id": name, "topics": [f"{name}/alarm/{{device}}"],
                "user": "hub", "password": "env:KEY_BY_TEST",
            }
        )  # fmt: skip
        system = mqtt.System(broker, name)
        context = Context("alarms", batch_items=2)
        first = mqtt.Patient(config, context, system)
        first.connect(None)  # from now on the broker keeps what is told
        first.close()
        return Bench(
            lambda: mqtt.Patient(config, context, system),
            system.tell,
            lambda item: str((item.values or {})["id"]),  # each time it is received anew
            (SECRET,),
            away=lambda gone: broker.stop() if gone else broker.start(),
            strange=system.tell_more,
            garble=system.tell_half,
            cannot={
                "busy": "MQTT has no word for how long a client should wait: a broker that has enough lets nobody in, and is away",
                "slow": "the broker sends: nothing is asked of it that could be too much",
            },
        )

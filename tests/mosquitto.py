"""A Mosquitto of the tests' own, on loopback, that keeps sessions over its restarts."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from hub.broker.mosquitto import find_mosquitto
from hub.broker.storage import free_port
from hub.errors import FatalError
from tests.tools import lacks
from tests.waiting import PATIENCE_SECONDS as PATIENCE_SECONDS


class Broker:
    """Started by `start`; `stop` is an orderly end that writes sessions down."""

    def __init__(self, folder: Path, lines: Sequence[str] = ("allow_anonymous true",)) -> None:
        try:
            self._of = find_mosquitto()
        except FatalError as error:
            lacks(str(error))
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        user = ["user root"] if os.geteuid() == 0 else []
        settings = [
            f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder}/", "autosave_interval 1",
            "autosave_on_changes true", *user, *lines,
        ]  # fmt: skip
        (folder / "mosquitto.conf").write_text("\n".join(settings) + "\n", "utf-8")

    def start(self) -> None:
        command = [str(self._of.program), "-c", str(self._folder / "mosquitto.conf")]
        with (self._folder / "mosquitto.log").open("ab") as log:
            environment = os.environ | self._of.environment
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except OSError:
                assert self._process.poll() is None, self.log
                assert time.monotonic() < until, "mosquitto does not listen"
                time.sleep(0.02)

    @property
    def log(self) -> str:
        return (self._folder / "mosquitto.log").read_text("utf-8")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @contextmanager
    def device(self, name: str = "device", user: str | None = None, password: str | None = None) -> Iterator[Device]:
        device = Device(self.port, name, user, password)
        try:
            yield device
        finally:
            device.close()


class Device:
    """Sends at QoS 1, and knows what the broker has."""

    def __init__(self, port: int, name: str, user: str | None, password: str | None) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5)
        if user:
            self._client.username_pw_set(user, password)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, topic: str, payload: bytes | str, *, qos: int = 1, retain: bool = False) -> None:
        """Comes back when the broker has it."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self._client.is_connected():
            assert time.monotonic() < until, "the broker does not let the device in"
            time.sleep(0.02)
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        info.wait_for_publish(PATIENCE_SECONDS)
        assert info.is_published(), "the broker does not take it"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def mosquitto(folder: Path, lines: Sequence[str] = ("allow_anonymous true",)) -> Iterator[Broker]:
    """Running. Where there is none to be had the test is skipped, in a sentence; in CI it fails."""
    broker = Broker(folder, lines)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Hearer:
    """A department's client: subscribed for good, and told nothing twice by the broker's own doing."""

    def __init__(self, broker: Broker, topic: str, name: str) -> None:
        self._broker, self._name = broker, name
        self._fence = f"{name}/fence"
        self._fences = 0
        self._passed: list[str] = []
        self._heard: list[tuple[str, bytes]] = []
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{name}-hearer",
            protocol=MQTTProtocolVersion.MQTTv311,
            clean_session=False,
        )
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.subscribe([(topic, 1), (self._fence, 1)])
        self._client.loop_start()

    def heard(self) -> list[tuple[str, bytes]]:
        """Topics and payloads of all that the broker has by now."""
        self._fences += 1
        with self._broker.device(f"{self._name}-fence") as device:
            device.send(self._fence, str(self._fences))
        until = time.monotonic() + PATIENCE_SECONDS
        while str(self._fences) not in self._passed:
            assert time.monotonic() < until, "what was sent does not arrive"
            time.sleep(0.01)
        return list(self._heard)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        said = (message.topic, bytes(message.payload))
        if message.topic == self._fence:
            self._passed.append(said[1].decode())
        elif not (message.dup and said in self._heard):
            self._heard.append(said)

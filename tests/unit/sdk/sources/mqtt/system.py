"""A device that tells one thing after the other, and a source that reads to the end of what it told."""

from __future__ import annotations

import json
import time

from hub.sdk.contract import Batch, Context
from hub.sdk.sources.mqtt.config import MqttConfig
from hub.sdk.sources.mqtt.source import MqttSource
from tests.mosquitto import PATIENCE_SECONDS, Broker


class System:
    """What was told, and what a source has acknowledged of it."""

    def __init__(self, broker: Broker, name: str) -> None:
        self._broker, self._name = broker, name
        self._told = 0
        self.acknowledged: set[int | None] = set()

    @property
    def left(self) -> int:
        return self._told - len(self.acknowledged)

    def tell(self, count: int) -> None:
        self._tell(count, {})

    def tell_more(self, name: str) -> None:
        """One thing, with one field more."""
        self._tell(1, {name: "!"})

    def tell_half(self) -> None:
        """Half of something, once: it has no id."""
        self._told += 1
        with self._broker.device(f"{self._name}-device") as device:
            device.send(f"{self._name}/alarm/b1", '{"id": ')

    def _tell(self, count: int, more: dict[str, str]) -> None:
        with self._broker.device(f"{self._name}-device") as device:
            for _ in range(count):
                device.send(f"{self._name}/alarm/b1", json.dumps({"id": self._told} | more))
                self._told += 1


class Patient(MqttSource):
    """Reads to the end of what a system has to say, as benches want it."""

    def __init__(self, config: MqttConfig, context: Context, system: System) -> None:
        super().__init__(config, context)
        self._of = system

    def read(self, timeout_seconds: float) -> Batch:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            batch = super().read(timeout_seconds)
            if batch.items or not self._of.left or self._taken:
                return batch
            assert time.monotonic() < until, "it does not come"

    def ack(self, batch: Batch) -> None:
        super().ack(batch)
        self._of.acknowledged |= {(item.values or {}).get("id") for item in batch.items}

"""The demo's other wires: what the simulator writes is what a connector reads, and what a machine lacks is said and left out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from hub.broker import mosquitto
from hub.cli.demo import wires
from hub.cli.demo.wires import MessageWire, TableWire, WiredFiles, Wires
from hub.errors import FatalError
from hub.policy.loader import load_city
from hub.sdk.contract import Context
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.file.join import Input
from hub.sdk.sources.sql.config import SqlConfig
from hub.sdk.sources.sql.source import SqlSource
from hub.settings import Settings
from hub.simulator.command import START_TIME, start_ms
from hub.simulator.files import SourceFiles
from hub.simulator.generate import Plan, statements
from hub.simulator.scene import scene_of
from hub.testing.outcomes import outcomes
from tests.tools import lacks

pytestmark = pytest.mark.process


def test_a_table_says_what_the_file_says(tmp_path: Path) -> None:
    city = load_city(Settings.from_env().city)
    said = [
        each
        for each in statements(Plan(start_ms(city, START_TIME), rate=300), scene_of(city))
        if each.source == "citymgmt"
    ]
    wire = TableWire(tmp_path)
    wire.open()
    with WiredFiles(tmp_path / "wired", [wire]) as wired, SourceFiles(tmp_path / "files") as files:
        for each in said:
            wired.write(each)
            files.write(each)
        wired.flush()
        path = files.path("citymgmt")
    wire.close()
    intake = MappingSet(find_manifest("citymgmt"), "demo")
    config = SqlConfig.model_validate(wire.edge["settings"] | {"once": True})
    source = SqlSource(config, Context("citymgmt", intake.outcome, intake.mapping))
    source.connect(None)
    from_table = [intake.outcome(item) for item in source.read(1.0).items]
    source.close()
    from_file = list(outcomes(find_manifest("citymgmt"), Input(file=path, mapping="demo")))
    assert len(said) == wire.sent == len(from_table) > 20
    assert [each.event for each in from_table] == [each.event for each in from_file]


def test_what_a_machine_lacks_is_said_and_comes_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> None:
        raise FatalError("`mosquitto` is missing: run `make setup`.")

    monkeypatch.setattr(mosquitto, "find_mosquitto", nowhere)
    found = Wires(tmp_path, ["desk", "roads"])
    assert [wire.source for wire in found.sources] == ["citymgmt"]
    assert found.missing == ["hotline comes as a file, not by MQTT: `mosquitto` is missing: run `make setup`."]
    monkeypatch.setattr(wires, "find_spec", lambda name: None)
    found = Wires(tmp_path, ["desk", "water"])
    assert [wire.source for wire in found.sources] == ["citymgmt"]
    assert found.missing == ["hotline comes as a file, not by MQTT: pip install 'cityhub[mqtt]' brings what it needs"]
    assert "orders of water by webhook" in found.description
    assert found.called(Counter({"water": 3, "desk": 1})) == (3, 0)
    found.stop()


def test_messages_wait_at_the_broker_for_who_is_not_there_yet(tmp_path: Path) -> None:
    """All of them: a broker drops what is beyond 1,000 if nobody tells it otherwise."""
    count = 1200
    try:
        mosquitto.find_mosquitto()
    except FatalError as error:
        lacks(str(error))
    from hub.sdk.sources.mqtt.config import MqttConfig
    from hub.sdk.sources.mqtt.source import MqttSource

    wire = MessageWire(tmp_path)
    try:
        wire.open()
        for number in range(count):
            wire.write(json.dumps({"number": number}))
        wire.close()
        source = MqttSource(MqttConfig.model_validate(wire.edge["settings"]), Context("hotline"))
        source.connect(None)
        heard: list[int] = []
        quiet = 0
        while len(heard) < count and quiet < 6:
            batch = source.read(5)
            quiet = 0 if batch.items else quiet + 1
            heard += [(item.values or {})["number"] for item in batch.items]
            source.ack(batch)
        source.close()
    finally:
        wire.stop()
    assert heard == list(range(count))

"""What goes by other wires than files in the demo: alarms by MQTT, rows of a database, and one department's orders by signed calls.

Where the machine lacks what a wire needs, its source comes as a file, as all others do; `missing` says so.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from hub.broker import mosquitto, process
from hub.broker.storage import free_port
from hub.cli.demo.calls import Calls
from hub.cli.process.children import Child
from hub.errors import FatalError
from hub.sdk.manifest import find_manifest
from hub.sdk.mapping.mapping import load_mapping
from hub.sdk.running.edges import edges_folder
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.status import Board
from hub.settings import Settings
from hub.simulator.files import SourceFiles
from hub.simulator.formats import SYSTEM_FILES
from hub.simulator.truth import Statement

_START_SECONDS = 20.0
_STOP_SECONDS = 15.0
_HOST = "127.0.0.1"
_CALLED = "roads"


class Wire(ABC):
    """One source's way in. `open`, `write` and `close` are called from the simulator's thread, `stop` at the end."""

    source: str
    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent = 0

    @property
    @abstractmethod
    def edge(self) -> dict[str, Any]:
        """How it stands in connectors.yaml."""

    @abstractmethod
    def open(self) -> None:
        """Raises FatalError."""

    @abstractmethod
    def write(self, row: str) -> None: ...

    def flush(self) -> None:  # noqa: B027 - messages are on their way at once
        ...

    @abstractmethod
    def close(self) -> None:
        """All that was written is there."""

    def stop(self) -> None:  # noqa: B027 - a file needs none
        ...


class MessageWire(Wire):
    """A Mosquitto of the demo's own."""

    source, name = "hotline", "MQTT"
    _TOPIC = "city/hotline/calls"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def edge(self) -> dict[str, Any]:
        return {"kind": "mqtt", "mapping": "demo", "settings": self._settings}

    @property
    def _settings(self) -> dict[str, Any]:
        return {"host": _HOST, "port": self._port, "client_id": "cityhub-demo", "topics": [self._TOPIC]}

    def open(self) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        from hub.sdk.sources.mqtt.config import MqttConfig
        from hub.sdk.sources.mqtt.session import MqttSession

        self._start()
        config = MqttConfig.model_validate(self._settings)
        session = MqttSession(config, config.client_id)
        session.open(keep_days=1)  # from now on the broker keeps what is sent, before the connector is there
        session.subscribe(config.topics[0].filter.split())
        session.close()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="simulator")
        self._client.connect(_HOST, self._port)
        self._client.loop_start()

    def write(self, row: str) -> None:
        self._last = self._client.publish(self._TOPIC, row.encode(), qos=1)
        self.sent += 1

    def close(self) -> None:
        if self.sent:
            self._last.wait_for_publish(_STOP_SECONDS)
        self._client.disconnect()
        self._client.loop_stop()

    def stop(self) -> None:
        if self._process is not None:
            process.end(self._process, _STOP_SECONDS)
            self._process = None

    def _start(self) -> None:
        found = mosquitto.find_mosquitto()
        lines = [
            f"listener {self._port} {_HOST}",
            "allow_anonymous true",
            # by default it keeps 1,000 messages for who is away and drops the rest: a connector that starts slowly is away long,
            # and the demo would wait for what nobody has any more
            "max_queued_messages 0",
            *(["user root"] if os.geteuid() == 0 else []),
        ]
        written = self.folder / "mosquitto.conf"
        written.write_text("\n".join(lines) + "\n", "utf-8")
        log = self.folder / "mosquitto.log"
        environment = os.environ | found.environment
        self._process = process.spawn([str(found.program), "-c", str(written)], log, environment, die_with_parent=True)
        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection((_HOST, self._port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise FatalError(f"mosquitto does not start; {log} says why") from None
                time.sleep(0.02)


class TableWire(Wire):
    """A table of SQLite that grows."""

    source, name = "citymgmt", "SQL"

    @property
    def _file(self) -> Path:
        return self.folder / "citymgmt.db"

    @property
    def edge(self) -> dict[str, Any]:
        settings = {
            "url": f"sqlite:///{self._file}", "table": "statements", "cursor": "number", "key": ["number"],
            "overlap_numbers": 100, "every_seconds": 0.5,
        }  # fmt: skip
        return {"kind": "sql", "mapping": "demo", "settings": settings}

    def open(self) -> None:
        self._columns = sorted(load_mapping(find_manifest(self.source).mapping_path("demo")).file_columns())
        columns = "".join(f', "{name}"' for name in self._columns)
        for old in self.folder.glob(f"{self._file.name}*"):
            old.unlink()  # of an earlier run in the same folder
        self._database = sqlite3.connect(self._file)
        self._database.execute("pragma journal_mode = wal")  # who reads does not wait for who writes
        self._database.execute(f"create table statements (number integer primary key{columns})")
        self._database.commit()

    def write(self, row: str) -> None:
        said = json.loads(row)
        values = ["|".join(value) if isinstance(value := said.get(name), list) else value for name in self._columns]
        places = ", ".join("?" * (1 + len(values)))
        self.sent += 1
        self._database.execute(f"insert into statements values ({places})", [self.sent, *values])

    def flush(self) -> None:
        self._database.commit()

    def close(self) -> None:
        self._database.commit()
        self._database.close()


class WiredFiles(SourceFiles):
    """Files of the sources that have no wire; `wires` take the rows of theirs."""

    def __init__(self, folder: Path, wires: Sequence[Wire]) -> None:
        super().__init__(folder)
        self._wires = {wire.source: wire for wire in wires}

    def write(self, statement: Statement) -> None:
        wire = self._wires.get(statement.source)
        if wire is None:
            super().write(statement)
        else:
            wire.write(SYSTEM_FILES[statement.source].row(statement))

    def flush(self) -> None:
        super().flush()
        for wire in self._wires.values():
            wire.flush()


class Wires:
    """All that does not go by files, and the process of connectors that serves it."""

    def __init__(self, folder: Path, departments: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.missing: list[str] = []
        self.sources = [wire for kind in (MessageWire, TableWire) if (wire := self._made(kind)) is not None]
        self.calls = Calls(_CALLED if _CALLED in departments else departments[-1])
        self._child: Child | None = None
        self._settings: Settings | None = None

    @property
    def description(self) -> str:
        ways = [f"{wire.source} by {wire.name}" for wire in self.sources]
        return f"Other wires 其他接入: {', '.join(ways)}{' and ' if ways else ''}orders of {self.calls.department} by webhook"

    def start(self, settings: Settings) -> None:
        """Once the wires are open. Raises FatalError."""
        self.calls.start()
        for wire in self.sources:
            PositionFile(edges_folder(settings) / f"{settings.namespace}{wire.source}.json").forget()
        declared = {
            "edges": {wire.source: wire.edge for wire in self.sources},
            "sinks": {"called": self.calls.sink(self._folder)},
        }
        path = self._folder / "connectors.yaml"
        path.write_text(yaml.safe_dump(declared), "utf-8")
        self._settings = settings.model_copy(update={"connectors": path})
        self._child = Child(
            "connectors", ["connector", "run"], self._settings, settings.state_dir / "logs" / "edges.log"
        )

    def step(self) -> None:
        """Raises FatalError if the connectors have ended."""
        if self._child is not None:
            self._child.must_run()

    @property
    def all_read(self) -> bool:
        """Whether all that was sent was read."""
        return all(self._read(wire.source) >= wire.sent for wire in self.sources)

    def called(self, orders: Counter[str]) -> tuple[int, int]:
        """Orders that the called department has in Kafka, and by calls."""
        return orders[self.calls.department], self.calls.taken

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self.calls.stop()
        for wire in self.sources:
            wire.stop()

    def _read(self, edge: str) -> int:
        assert self._settings is not None
        return int(Board.read(f"{self._settings.namespace}{edge}", edge, edges_folder(self._settings)).items)

    def _made(self, kind: type[Wire]) -> Wire | None:
        why = _lacks(kind)
        if why is None:
            return kind(self._folder)
        self.missing.append(f"{kind.source} comes as a file, not by {kind.name}: {why}")
        return None


def _lacks(kind: type[Wire]) -> str | None:
    """Why a wire cannot be had here."""
    if kind is TableWire:
        return None
    if find_spec("paho") is None:
        return "pip install 'cityhub[mqtt]' brings what it needs"
    try:
        mosquitto.find_mosquitto()
    except FatalError as error:
        return str(error)
    return None

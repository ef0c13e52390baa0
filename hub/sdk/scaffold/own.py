"""Templates of a connector with a protocol of its own: a source, its client, and a bench on which the kit tries it."""

from __future__ import annotations

_SOURCE = '''\
"""Reads the system of this connector. hub/sdk/contract.py is the whole contract, hub/sdk/errors.py says which error means what."""

from __future__ import annotations

import json

from hub.errors import Reason, RejectedRecordError
from hub.sdk.contract import Batch, Config, Context, Item, Position, Source

from .client import Client


class Lines(Source):
    """One JSON object a line, by number; put your system's protocol into client.py in the place of it."""

    class Config(Config):
        host: str
        port: int
        every_seconds: float = 5.0

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__(config, context)
        self._client = Client(config.host, config.port)
        self._at = 0

    def check(self) -> str:
        self.connect(None)
        try:
            return f"{self.config.host} answers with {len(self._client.lines(0, 10))} lines or more"
        finally:
            self.close()

    def connect(self, position: Position | None) -> None:
        self._at = 0 if position is None else position["line"]
        self._client.open()

    def read(self, timeout_seconds: float) -> Batch:
        lines = self._client.lines(self._at, self.context.batch_items)
        items = [_item(line, self._at + at) for at, line in enumerate(lines, 1)]
        self._at += len(items)
        # stored when Kafka has all of it; never an empty position in the place of a real one
        return Batch(items, {"line": self._at} if items else None, wait_seconds=0.0 if items else self.config.every_seconds)

    def close(self) -> None:
        self._client.close()


def _item(line: bytes, number: int) -> Item:
    """One line. What cannot be taken apart is an item with a fault: a dead letter, and the next goes on."""
    try:
        values = json.loads(line)
    except ValueError:
        values = None
    if isinstance(values, dict):
        return Item(values, "line", number)
    return Item(None, "line", number, raw=line, fault=RejectedRecordError(Reason.BAD_ROW, "the line is no JSON object"))


SOURCE = Lines
'''
_CLIENT = '''\
"""Speaks to the system, and does nothing else: the only file of a connector that may do I/O."""

from __future__ import annotations

import socket

from hub.sdk.errors import TransientError

_TIMEOUT_SECONDS = 10.0


class Client:
    """Asks `FROM n COUNT m`; the system answers with so many lines at most, and a line with a dot alone."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._wire: socket.socket | None = None

    def open(self) -> None:
        self.close()
        try:
            self._wire = socket.create_connection(self._address, _TIMEOUT_SECONDS)
        except OSError as error:
            raise TransientError(f"{self._address[0]} cannot be reached ({error.strerror or 'timed out'})") from error
        self._file = self._wire.makefile("rb")

    def lines(self, since: int, most: int) -> list[bytes]:
        found: list[bytes] = []
        try:
            self._wire.sendall(f"FROM {since} COUNT {most}\\n".encode())
            while (line := self._file.readline()) != b".\\n":
                if not line:
                    raise TransientError(f"{self._address[0]} has hung up")
                found.append(line.rstrip(b"\\n"))
        except OSError as error:
            raise TransientError(f"{self._address[0]} does not answer ({error.strerror or 'timed out'})") from error
        return found

    def close(self) -> None:
        if self._wire is not None:
            self._file.close()
            self._wire.close()
            self._wire = None
'''
_BENCH = '''\
"""A system to try the source on: `cityhub connector test` starts it (hub/testing/conformance.py says what a bench offers)."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.sdk.contract import Context
from hub.sdk.kinds import source_type
from hub.sdk.manifest import load_manifest
from hub.testing.conformance import Bench


class Office(socketserver.ThreadingTCPServer):
    daemon_threads, block_on_close = True, False
    lines: tuple[str, ...] = ()
    gone = False


class Call(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for asked in self.rfile:
            if self.server.gone:
                return
            since, most = (int(word) for word in asked.split()[1::2])
            self.wfile.write("".join(f"{line}\\n" for line in self.server.lines[since : since + most]).encode() + b".\\n")


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    del folder  # of this trial alone, for a system that keeps files
    kind = source_type(load_manifest(Path(__file__).parent))
    with Office(("127.0.0.1", 0), Call) as office:
        threading.Thread(target=office.serve_forever, args=(0.02,), daemon=True).start()

        def say(count: int, **more: str) -> None:
            begin = len(office.lines)
            office.lines += tuple(json.dumps({"id": f"N-{begin + at}", **more}) for at in range(count))

        config = kind.Config(host="127.0.0.1", port=office.server_address[1])
        yield Bench(
            lambda: kind(config, Context("by_test", batch_items=2)),
            say,
            away=lambda gone: setattr(office, "gone", gone),
            strange=lambda name: say(1, **{name: "!"}),
            garble=lambda: setattr(office, "lines", (*office.lines, "{half a line")),
            cannot={"busy": "it never says that it has too many calls", "slow": "it asks for no budget of calls"},
        )
        office.shutdown()
'''
OWN_FILES = {"source.py": _SOURCE, "client.py": _CLIENT, "bench.py": _BENCH}

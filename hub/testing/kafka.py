"""One Kafka for all the tests of a run, started when the first of them asks, also over several pytest-xdist workers.

The pytest process that was started by hand opens the desk; whoever needs the broker (itself or a worker) asks there.
So the broker has one owner, which stops it in order, and a worker that crashes or is killed takes nothing with it.
"""

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from hub.broker.kafka import EmbeddedKafka
from hub.errors import FatalError

BOOTSTRAP = "CITYHUB_TEST_BOOTSTRAP"
_DESK = "CITYHUB_TEST_BROKER_DESK"
_ASK_TIMEOUT_SECONDS = 240  # the first asker may wait for the jars


def bootstrap_for_tests() -> Iterator[str]:
    """Yields the address of $CITYHUB_TEST_BOOTSTRAP, else of this run's broker, else of one started for the caller."""
    if given := os.environ.get(BOOTSTRAP):
        yield given
    elif desk := os.environ.get(_DESK):
        yield _ask(int(desk))
    else:
        with tempfile.TemporaryDirectory(prefix="cityhub-kafka-") as folder, EmbeddedKafka(Path(folder)) as kafka:
            yield kafka.bootstrap_servers


class BrokerDesk:
    """Answers each connection with the broker's address, starting the broker for the first one."""

    def __init__(self) -> None:
        self._exit = contextlib.ExitStack()
        self._answer: str | None = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="broker-desk", daemon=True)

    def open(self) -> None:
        """Call before the workers are started: they inherit the desk's address."""
        os.environ[_DESK] = str(self._socket.getsockname()[1])
        self._thread.start()

    def close(self) -> None:
        os.environ.pop(_DESK, None)
        # Closing alone does not wake a blocked accept.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        self._exit.close()

    def _serve(self) -> None:
        while True:
            try:
                asker, _ = self._socket.accept()
            except OSError:
                return
            with asker, contextlib.suppress(OSError):
                if self._answer is None:
                    self._answer = self._start()
                asker.sendall(self._answer.encode())

    def _start(self) -> str:
        try:
            folder = self._exit.enter_context(tempfile.TemporaryDirectory(prefix="cityhub-kafka-"))
            return "+" + self._exit.enter_context(EmbeddedKafka(Path(folder))).bootstrap_servers
        except (FatalError, OSError) as error:
            return f"-{error}"


def _ask(port: int) -> str:
    desk = socket.create_connection(("127.0.0.1", port), timeout=_ASK_TIMEOUT_SECONDS)
    with desk, desk.makefile(encoding="utf-8") as stream:
        answer = stream.read()
    if not answer.startswith("+"):
        raise FatalError(answer[1:] or "The tests' broker has gone.")
    return answer[1:]

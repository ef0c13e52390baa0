"""One Kafka for all the tests of a run, and a guarded one, each started when the first test asks, also over several pytest-xdist
workers.

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
from hub.testing.secure import SecureKafka, secure_kafka

BOOTSTRAP = "CITYHUB_TEST_BOOTSTRAP"
_DESK = "CITYHUB_TEST_BROKER_DESK"
_ASK_TIMEOUT_SECONDS = 240  # the first asker may wait for the jars
_NAME_TIMEOUT_SECONDS = 30


def bootstrap_for_tests() -> Iterator[str]:
    """Yields the address of $CITYHUB_TEST_BOOTSTRAP, else of this run's broker, else of one started for the caller."""
    if given := os.environ.get(BOOTSTRAP):
        yield given
    else:
        yield from _from_the_desk(_OPEN)


def secure_kafka_for_tests() -> Iterator[SecureKafka]:
    """Yields this run's guarded Kafka, else one started for the caller."""
    for text in _from_the_desk(_GUARDED):
        yield SecureKafka.read(text)


def _from_the_desk(kind: str) -> Iterator[str]:
    if desk := os.environ.get(_DESK):
        yield _ask(int(desk), kind)
    else:
        with contextlib.ExitStack() as stack:
            yield _KINDS[kind](stack)


def _start_open(stack: contextlib.ExitStack) -> str:
    return stack.enter_context(EmbeddedKafka(_folder(stack))).bootstrap_servers


def _start_guarded(stack: contextlib.ExitStack) -> str:
    return stack.enter_context(secure_kafka(_folder(stack))).written()


def _folder(stack: contextlib.ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cityhub-kafka-")))


_OPEN, _GUARDED = "open", "guarded"
_KINDS = {_OPEN: _start_open, _GUARDED: _start_guarded}


class BrokerDesk:
    """Answers whoever names a kind of broker with where it is, starting it for the first one."""

    def __init__(self) -> None:
        self._exit = contextlib.ExitStack()
        self._answers: dict[str, str] = {}
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
            asker.settimeout(_NAME_TIMEOUT_SECONDS)
            with asker, contextlib.suppress(OSError), asker.makefile(encoding="utf-8") as stream:
                kind = stream.readline().strip()
                if kind in _KINDS and kind not in self._answers:
                    self._answers[kind] = self._start(kind)
                asker.sendall(self._answers.get(kind, "").encode())

    def _start(self, kind: str) -> str:
        try:
            return "+" + _KINDS[kind](self._exit)
        except (FatalError, OSError) as error:
            return f"-{error}"


def _ask(port: int, kind: str) -> str:
    desk = socket.create_connection(("127.0.0.1", port), timeout=_ASK_TIMEOUT_SECONDS)
    with desk, desk.makefile(encoding="utf-8") as stream:
        desk.sendall(f"{kind}\n".encode())
        answer = stream.read()
    if not answer.startswith("+"):
        raise FatalError(answer[1:] or "The tests' broker has gone.")
    return answer[1:]

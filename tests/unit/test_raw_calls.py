"""What tests take as the answer of a server that hangs up before it has taken all that is sent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.raw_calls import answer_to
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.process


@pytest.fixture
def rude() -> Iterator[int]:
    """A port at which whoever calls is answered "no", and reset as nothing of the call is read."""

    def serve() -> None:
        caller, _ = server.accept()
        with caller:
            caller.recv(1, socket.MSG_PEEK)
            caller.sendall(b"no")

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_SECONDS)
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("parts", [("x",), ("x", "y" * 20_000_000), (b"x", b"", b"y")], ids=["short", "long", "parts"])
@pytest.mark.parametrize("ends", [True, False])
def test_what_was_answered_before_the_reset_is_the_answer(
    rude: int, parts: tuple[bytes | str, ...], ends: bool
) -> None:
    assert answer_to(rude, *parts, ends=ends) == b"no"


def test_it_waits_for_no_more_than_was_asked_for(rude: int) -> None:
    assert answer_to(rude, "x", until=b"n") == b"no"

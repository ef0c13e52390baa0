"""A proxy before a port: what passes, and what does not while it is cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from loadtests.faults.brokers.proxies import Cut, Proxies

pytestmark = pytest.mark.process

_PATIENCE_SECONDS = 120.0


@pytest.fixture
def echo() -> Iterator[int]:
    """A port that answers everything with itself."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(one: socket.socket) -> None:
        with one, contextlib.suppress(OSError):
            while data := one.recv(1024):
                heard.set()
                one.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    heard.clear()
    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


heard = threading.Event()


@pytest.fixture
def proxies() -> Iterator[Proxies]:
    with Proxies() as made:
        yield made


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)


def silent(one: socket.socket) -> bool:
    """Whether nothing has come by now."""
    one.setblocking(False)
    try:
        one.recv(1)
    except BlockingIOError:
        return True
    finally:
        one.settimeout(_PATIENCE_SECONDS)
    return False


def test_what_is_not_cut_passes(echo: int, proxies: Proxies) -> None:
    with connect(proxies.before(1, "CLIENTS", echo)) as one:
        one.sendall(b"hello")
        assert one.recv(5) == b"hello"


def test_a_closed_one_resets_and_takes_nobody(echo: int, proxies: Proxies) -> None:
    port = proxies.before(1, "CLIENTS", echo)
    with connect(port) as one:
        one.sendall(b"hello")
        assert one.recv(5) == b"hello"
        proxies.cut(1, "CLIENTS", Cut.CLOSED)
        with contextlib.suppress(ConnectionResetError):
            assert one.recv(5) == b""
    with contextlib.suppress(ConnectionResetError), connect(port) as another:  # it may be reset before it is made
        assert another.recv(5) == b""
    proxies.heal()
    with connect(port) as again:
        again.sendall(b"hello")
        assert again.recv(5) == b"hello"


@pytest.mark.parametrize(("how", "arrives"), [(Cut.STALLED, False), (Cut.DEAF, True)])
def test_what_was_held_back_comes_when_the_cut_is_over(how: Cut, arrives: bool, echo: int, proxies: Proxies) -> None:
    with connect(proxies.before(1, "CLIENTS", echo)) as one:
        one.sendall(b"first")
        assert one.recv(5) == b"first"
        heard.clear()
        proxies.cut(1, "CLIENTS", how)
        one.sendall(b"hello")
        if arrives:
            assert heard.wait(_PATIENCE_SECONDS)
        assert silent(one)
        proxies.heal()
        assert one.recv(5) == b"hello"


def test_one_listener_is_cut_alone(echo: int, proxies: Proxies) -> None:
    cut, whole = (proxies.before(1, name, echo) for name in ("CLIENTS", "BROKERS"))
    proxies.cut(1, "CLIENTS", Cut.STALLED)
    with connect(cut) as one, connect(whole) as other:
        one.sendall(b"hello")
        other.sendall(b"hello")
        assert other.recv(5) == b"hello"
        assert silent(one)


def test_who_is_left_by_the_other_side_is_told(proxies: Proxies) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        connect(proxies.before(1, "CLIENTS", server.getsockname()[1])) as one,
    ):
        one.sendall(b"hello")
        other, _ = server.accept()
        with other:
            assert other.recv(5) == b"hello"
        with contextlib.suppress(ConnectionResetError):
            assert one.recv(5) == b""

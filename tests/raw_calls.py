"""Calls as bytes, to a server that may answer and hang up before it has taken all of them."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress

from tests.waiting import PATIENCE_SECONDS


def answer_to(port: int, *parts: bytes | str, until: bytes = b"", ends: bool = False) -> bytes:
    """What is answered to these parts, each sent by itself: all up to the server's end of the connection, or with `until` in it.
    `ends`: say after the last part that no more comes.

    A server that ends while more is on its way resets the connection: sending, ending and reading may each find it so, whichever
    comes first. What it had answered by then is what it answered.
    """
    answer = b""
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as caller:
        with suppress(OSError):  # ENOTCONN, which shutdown raises of one that was reset, has no class of its own
            for part in parts:
                caller.sendall(part.encode() if isinstance(part, str) else part)
            if ends:
                caller.shutdown(socket.SHUT_WR)
        while not (until and until in answer) and (more := caller.recv(65_536)):
            answer += more
    return answer


def statuses_at_once(port: int, path: str, headers: Mapping[str, str], count: int) -> list[int]:
    """What so many callers are answered who ask before any is answered, and stay until all are."""
    call = "\r\n".join(
        [f"GET {path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    )
    with ExitStack() as stack:
        callers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS))
            for _ in range(count)
        ]
        for each in callers:
            each.sendall(call.encode())
        return [int(each.recv(len(b"HTTP/1.1 200"), socket.MSG_WAITALL).split()[1]) for each in callers]

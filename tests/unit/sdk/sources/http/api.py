"""A system's API on loopback that answers as real ones do: in pages of every kind, refusing, waiting, stumbling, by script."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Stumble = Callable[["http.server.BaseHTTPRequestHandler"], None]


class Api:
    """`rows` in the order in which they are listed, `size` a page. `stumbles`: what happens instead of the next
    answers (None: it answers).

    `asked`: the parameters of every call, `headers` its headers.
    """

    def __init__(self, rows: list[dict[str, Any]], paging: str = "page", size: int = 3) -> None:
        self.rows, self.paging, self.size = rows, paging, size
        self.stumbles: list[Stumble | None] = []
        self.asked: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.before: bytes = b""
        self.repeat = 0
        self.url = ""

    def answer(self, query: dict[str, str]) -> tuple[Any, dict[str, str]]:
        rows = self._asked_for(query)
        if self.paging == "none":
            return rows, {}
        if self.paging == "page":
            at = (int(query.get("page", 1)) - 1) * self.size
            return {"data": {"requests": rows[at : at + self.size]}}, {}
        if self.paging == "offset":
            at = int(query.get("offset", 0))
            return {"data": {"requests": rows[at : at + int(query["limit"])]}}, {}
        at = int(query.get("cursor", 0))
        after = str(at + self.size) if at + self.size < len(rows) else None
        body: dict[str, Any] = {"data": {"requests": rows[at : at + self.size]}, "next": after}
        if self.paging == "link" and after:
            return body, {"Link": f'<{self.url}/requests?cursor={after}&key=echoed>; rel="next"'}
        return body, {}

    def _asked_for(self, query: dict[str, str]) -> list[dict[str, Any]]:
        rows = self.rows
        if "since" in query:
            rows = [row for row in rows if _time(row["updated"]) >= _time(query["since"])]
        if "from" in query:
            rows = [row for row in rows if _time(query["from"]) <= _time(row["updated"]) < _time(query["to"])]
        return rows


def row(number: int, updated: str, **more: Any) -> dict[str, Any]:
    """An invented request in the format of the scaffold's mapping."""
    return {
        "id": f"N-{number}", "action": "new", "time": "2026/1/6 8:00:00", "updated": updated, "category": "roads.pothole",
        "title": f"Pothole {number}", "caller": "Li Lei", **more,
    }  # fmt: skip


def refusing(status: int, **headers: str) -> Stumble:
    def stumble(handler: http.server.BaseHTTPRequestHandler) -> None:
        body = b'{"error": "Li Lei has called"}'
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return stumble


NO_DATE = f"Thu, 01 Jan 2026 {'9' * 20}:00:00 GMT"


def dated_never(handler: http.server.BaseHTTPRequestHandler) -> None:
    """This answer, and all after it, say a date that no calendar has."""
    type(handler).date_time_string = lambda *_: NO_DATE  # type: ignore[method-assign, assignment]
    refusing(500)(handler)


def half_a_body(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Says how much there is, and sends less."""
    handler.send_response(200)
    handler.send_header("Content-Length", "500")
    handler.end_headers()
    handler.wfile.write(b'{"data": {"requests": [{"id": "N-')
    handler.close_connection = True


def half_a_document(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Does not say how much there is."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b'{"data": {"requests": [{"id": "N-')
    handler.close_connection = True


def hanging_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def page_before(handler: http.server.BaseHTTPRequestHandler) -> None:
    """The page before once more."""
    handler.server.api.repeat += 1  # type: ignore[attr-defined]


@contextmanager
def serving(api: Api) -> Iterator[Api]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            api.asked.append(query)
            api.headers.append({name.lower(): value for name, value in self.headers.items()})
            stumble = api.stumbles.pop(0) if api.stumbles else None
            if stumble is not None:
                stumble(self)
                if not api.repeat:
                    return
            body, headers = api.answer(query)
            sent = api.before if api.repeat else body if isinstance(body, bytes) else json.dumps(body).encode()
            api.repeat, api.before = 0, sent
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.api = api  # type: ignore[attr-defined]
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()


def http_date(seconds_from_now: float) -> str:
    return formatdate(time.time() + seconds_from_now, usegmt=True)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)

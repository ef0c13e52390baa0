"""Where alarms arrive: a webhook and a mail server on loopback, which keep what comes and when."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from email import message_from_string, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

MAIL_HEADER = "X-CityHub-Alarms"
"""Names the alerts of a mail, each with its status: `firing:HubX resolved:HubY`."""


class Heard(NamedTuple):
    """One alert in one message. `seconds` is Unix time; `is_over`: it says that the alert has ended. A mail names no labels."""

    seconds: float
    alert: str
    labels: dict[str, str]
    is_over: bool


class AlarmInbox:
    """Serves from `__enter__` to `__exit__`, from threads of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: list[Heard] = []
        self._mails: list[str] = []
        self._mailed: list[Heard] = []
        inbox = self

        class Webhook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                inbox._take_call(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing: what came is kept."""

        class Mail(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                inbox._take_mail(_received(self))

        self._servers = [
            ThreadingHTTPServer(("127.0.0.1", 0), Webhook), socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail),
        ]  # fmt: skip

    @property
    def webhook_url(self) -> str:
        return f"http://127.0.0.1:{self._servers[0].server_address[1]}/alarms"

    @property
    def mail_host(self) -> str:
        return f"127.0.0.1:{self._servers[1].server_address[1]}"

    @property
    def heard(self) -> list[Heard]:
        """By the webhook, in the order of their coming."""
        with self._lock:
            return list(self._heard)

    @property
    def mailed(self) -> list[Heard]:
        """By mail, likewise."""
        with self._lock:
            return list(self._mailed)

    @property
    def mails(self) -> list[str]:
        """Whole, as they came."""
        with self._lock:
            return list(self._mails)

    def _take_call(self, message: dict[str, Any]) -> None:
        now = time.time()
        found = [
            Heard(now, each["labels"]["alertname"], each["labels"], each["status"] == "resolved")
            for each in message["alerts"]
        ]
        with self._lock:
            self._heard += found

    def _take_mail(self, text: str) -> None:
        named = message_from_string(text, policy=policy.default)[MAIL_HEADER] or ""
        pairs = [each.partition(":") for each in str(named).split()]
        with self._lock:
            self._mails.append(text)
            self._mailed += [Heard(time.time(), alert, {}, status == "resolved") for status, _, alert in pairs]

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, name="inbox", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


def _received(line: socketserver.StreamRequestHandler) -> str:
    """As much of SMTP as it takes to be handed one mail."""

    def say(words: str) -> None:
        line.wfile.write(f"{words}\r\n".encode())

    say("220 inbox")
    mail: list[str] = []
    while (heard := line.rfile.readline().decode(errors="replace").strip()) and not heard.upper().startswith("QUIT"):
        if heard.upper() != "DATA":
            say("250 inbox")
            continue
        say("354 go on")
        while (said := line.rfile.readline().decode(errors="replace").rstrip("\r\n")) != ".":
            mail.append(said)
        say("250 taken")
    say("221 bye")
    return "\n".join(mail)

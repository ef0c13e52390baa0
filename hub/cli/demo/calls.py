"""A department of the demo's that has no Kafka: its orders come as signed calls."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.broker.storage import free_port
from hub.sdk.access.signature import ForgedError, require_signed, signing_secrets
from hub.serving import PortLimits, Server, app_of

_HOST = "127.0.0.1"


class Calls:
    """A department that is called: it takes what is signed, each once."""

    def __init__(self, department: str) -> None:
        self.department = department
        self.secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        self.port = free_port()
        self._orders: set[bytes] = set()
        limits = PortLimits(64, 20.0, renewed=True)
        self._server = Server(
            app_of([Route("/orders", self._take, methods=["POST"])]), _HOST, self.port, limits, "calls"
        )

    @property
    def taken(self) -> int:
        return len(self._orders)

    def sink(self, folder: Path) -> dict[str, Any]:
        """How it stands in connectors.yaml of this folder, where its secret is put."""
        kept = folder / "webhook.secret"
        kept.touch(mode=0o600)
        kept.write_text(self.secret, "utf-8")
        settings = {
            "url": f"http://{_HOST}:{self.port}/orders",
            "secret": f"file:{kept.name}",
            "allow": ["127.0.0.0/8"],
        }
        return {"kind": "webhook", "departments": self.department, "take": ["orders"], "settings": settings}

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        try:
            require_signed(signing_secrets(self.secret), dict(request.headers), body, time.time())
        except ForgedError:
            return Response(status_code=401)
        self._orders.add(hashlib.sha256(body).digest())  # an order that is corrected has the id that it had
        return Response(status_code=204)

"""`cityhub web` within a test's own process, and a few calls of it. No tests of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2

from hub.policy import load_city
from hub.settings import ROOT, Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.web.open311.config import load_open311
from hub.web.run import Web, tokens_file
from hub.web.tokens import Scope, TokenKind, Tokens

CODEC = Codec(FileRegistry())


@contextmanager
def running_web(settings: Settings, sources: Sequence[str] = ("hotline",)) -> Iterator[httpx2.Client]:
    """A client of one that serves, on a port of its own."""
    city = load_city(settings.city)
    with (
        Web(settings, city, CODEC, sources, load_open311(None, city), "127.0.0.1", 0) as web,
        httpx2.Client(base_url=web.address, timeout=60) as client,
    ):
        yield client


def token(settings: Settings, holder: str, kind: TokenKind = TokenKind.DEPARTMENT) -> str:
    return Tokens(tokens_file(settings)).new(kind, holder, tuple(Scope))


def bearer(settings: Settings, department: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(settings, department)}"}


def update(update_id: str, case_id: str = "C-AAAAAAAAAAAAAAAA") -> dict[str, Any]:
    return {"update_id": update_id, "case_id": case_id, "status": "accepted", "at": "2026-03-02T04:00:00+00:00"}


def order(department: str, order_id: str) -> bytes:
    """As the hub writes one."""
    newest = max(
        (ROOT / "schemas" / "Order").glob("v*.examples.json"), key=lambda path: int(path.name[1:].split(".")[0])
    )
    record: dict[str, Any] = json.loads(newest.read_text("utf-8"))[0]
    return CODEC.encode_one("cityhub.Order", record | {"department": department, "order_id": order_id})

"""Calls to addresses of others: judged before, bounded, and never redirected; and what an answer's status means."""

from __future__ import annotations

import contextlib
import email.utils
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import httpx2

from hub.errors import FatalError
from hub.sdk.errors import PermanentError, TransientError
from hub.sdk.sink_contract import Answer, Later, Never
from hub.sdk.sinks.addresses import Address, CallAddress, ForbiddenAddressError, Network, addresses_of

_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 20.0
_READ_BYTES = 65_536
"""Of an answer; the rest is left."""
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_OTHER_DOOR = (
    HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, HTTPStatus.NOT_IMPLEMENTED,
)  # fmt: skip
"""Not about what was sent: address or secret are wrong, and whoever keeps them mends them."""
_PASSES = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.LOCKED)


class HttpAnswer(NamedTuple):
    """An answer: its status, its header Retry-After, and how its body begins."""

    status: int
    retry_after: str | None
    body: bytes


class Caller:
    """One address of somebody else. May be called by several threads."""

    def __init__(self, url: str, listed: Sequence[Network] = (), ca: Path | ssl.SSLContext | None = None) -> None:
        """`listed`: networks that calls may go to though not public. `ca`: certificates to trust instead of public authorities',
        or what `trusting` made of them for several callers.

        Raises FatalError.
        """
        self.place = CallAddress.parsed(url)
        self._listed = listed
        self._context = ca if isinstance(ca, ssl.SSLContext) else trusting(ca)
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,  # a proxy of the environment would resolve the name anew
            verify=self._context,
        )

    def check(self) -> str:
        """Connect, and send nothing. Raises ForbiddenAddressError, and TransientError if it cannot be reached now."""
        addresses = addresses_of(self.place, self._listed)
        try:
            with socket.create_connection((str(addresses[0]), self.place.port), _CONNECT_SECONDS) as plain:
                if self.place.scheme == "https":
                    self._context.wrap_socket(plain, server_hostname=self.place.host).close()
        except OSError as error:
            raise TransientError(f"{self.place.host} cannot be reached ({type(error).__name__})") from error
        return f"{self.place.host} listens at {addresses[0]}; nothing was sent"

    def call(self, body: bytes | None, headers: Mapping[str, str], most_bytes: int = _READ_BYTES) -> HttpAnswer:
        """POST the body; without one, GET. Raises TransientError if nobody answers, or calls may not go there."""
        try:
            addresses = addresses_of(self.place, self._listed)
        except ForbiddenAddressError as error:
            raise TransientError(str(error)) from error
        sent = {"Host": self.place.authority, "User-Agent": "cityhub", "Accept-Encoding": "identity", **headers}
        try:
            return self._call(addresses, body, sent, most_bytes)
        except httpx2.HTTPError as error:
            raise TransientError(f"{self.place.host} cannot be reached ({type(error).__name__})") from error

    def _call(
        self, addresses: Sequence[Address], body: bytes | None, sent: dict[str, str], most_bytes: int
    ) -> HttpAnswer:
        """The first address that can be connected to."""
        *others, last = addresses
        for address in others:
            with contextlib.suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return self._call_at(address, body, sent, most_bytes)
        return self._call_at(last, body, sent, most_bytes)

    def _call_at(self, address: Address, body: bytes | None, sent: dict[str, str], most_bytes: int) -> HttpAnswer:
        until = time.monotonic() + _ANSWER_SECONDS
        by_name = {"sni_hostname": self.place.host}  # whose certificate it must be
        method = "GET" if body is None else "POST"
        with self._client.stream(
            method, self.place.url_at(address), content=body, headers=sent, extensions=by_name
        ) as response:
            return HttpAnswer(
                response.status_code, response.headers.get("retry-after"), _read(response, until, most_bytes)
            )

    def close(self) -> None:
        self._client.close()


def judge(status: int, retry_after: str | None, now: float) -> Answer:
    """What an answer of this status says. Raises TransientError, and PermanentError, where it is about the receiver."""
    said = f"the receiver answered {status}"
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if status == HTTPStatus.GONE:
        raise PermanentError(said)
    if status in _BUSY:
        raise TransientError(said, wait_seconds=seconds_of(retry_after, now))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise TransientError(f"{said}: it moved; redirects are not followed, so give its new address")
    if status in _OTHER_DOOR:
        raise TransientError(f"{said}: are its address and its secret right?")
    if status in _PASSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Later(said, seconds_of(retry_after, now))
    return Never(said)


def seconds_of(retry_after: str | None, now: float) -> float | None:
    """What Retry-After asks for, as seconds or as a date; None if it says nothing."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _read(response: httpx2.Response, until: float, most_bytes: int) -> bytes:
    """Enough of it; who drips is left."""
    read = bytearray()
    for part in response.iter_raw():
        read += part
        if len(read) > most_bytes or time.monotonic() > until:
            break
    return bytes(read[:most_bytes])


def trusting(ca: Path | None) -> ssl.SSLContext:
    """Whose certificates are believed. Raises FatalError."""
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise FatalError(f"{ca} holds no certificates: {error.strerror or error}") from error

"""One call to a receiver, and what its answer means."""

from __future__ import annotations

import contextlib
import email.utils
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Self

import httpx2

from hub.errors import FatalError
from hub.sdk import signature
from hub.sdk.errors import PermanentError, TransientError
from hub.sdk.sink_contract import Answer, Later, Never
from hub.sdk.sinks.webhook.addresses import Address, ForbiddenAddressError, Network, Place, resolved
from hub.sdk.sinks.webhook.messages import CONTENT_TYPE

_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 20.0
_READ_BYTES = 65_536
"""Of an answer, so that the connection can be used again; nothing in it is looked at."""
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_OTHER_DOOR = (
    HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, HTTPStatus.NOT_IMPLEMENTED,
)  # fmt: skip
"""Not about what was sent: address or secret are wrong, and whoever keeps them mends them."""
_PASSES = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.LOCKED)


class Receiver:
    """A receiver's address and secrets. May be called by several threads."""

    def __init__(
        self, url: str, secrets: Sequence[bytes], listed: Sequence[Network] = (), ca: Path | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`listed`: networks that calls may go to though not public. `ca`: certificates to trust instead of public authorities'."""
        self.place = Place.parsed(url)
        self._secrets, self._listed, self._now = secrets, listed, now
        self._context = _context(ca)
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,  # a proxy of the environment would resolve the name anew
            verify=self._context,
        )

    def check(self) -> str:
        """Connect, and send nothing. Raises ForbiddenAddressError, and TransientError if it cannot be reached now."""
        addresses = resolved(self.place, self._listed)
        try:
            with socket.create_connection((str(addresses[0]), self.place.port), _CONNECT_SECONDS) as plain:
                if self.place.scheme == "https":
                    self._context.wrap_socket(plain, server_hostname=self.place.host).close()
        except OSError as error:
            raise TransientError(f"{self.place.host} cannot be reached ({type(error).__name__})") from error
        return f"{self.place.host} listens at {addresses[0]}; nothing was sent"

    def deliver(self, message_id: str, body: bytes) -> Answer:
        """What came of it, in words that never quote the answer.

        Raises TransientError where it is about the receiver and not about this call, PermanentError if the receiver is gone.
        """
        try:
            addresses = resolved(self.place, self._listed)
        except ForbiddenAddressError as error:
            raise TransientError(str(error)) from error
        signed = signature.headers(self._secrets, message_id, int(self._now()), body)
        sent = {"Host": self.place.authority, "Content-Type": CONTENT_TYPE, "User-Agent": "cityhub"} | signed
        try:
            response = self._post(addresses, body, sent)
        except httpx2.HTTPError as error:
            raise TransientError(f"{self.place.host} cannot be reached ({type(error).__name__})") from error
        return judge(response.status_code, response.headers.get("retry-after"), self._now())

    def _post(self, addresses: Sequence[Address], body: bytes, sent: dict[str, str]) -> httpx2.Response:
        """To the first address that can be connected to."""
        *others, last = addresses
        for address in others:
            with contextlib.suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return self._post_to(address, body, sent)
        return self._post_to(last, body, sent)

    def _post_to(self, address: Address, body: bytes, sent: dict[str, str]) -> httpx2.Response:
        until = time.monotonic() + _ANSWER_SECONDS
        by_name = {"sni_hostname": self.place.host}  # whose certificate it must be
        with self._client.stream(
            "POST", self.place.at(address), content=body, headers=sent, extensions=by_name
        ) as response:
            _read(response, until)
        return response

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def judge(status: int, retry_after: str | None, now: float) -> Answer:
    """What an answer of this status says. Raises TransientError and PermanentError, as `Receiver.deliver` does."""
    said = f"the receiver answered {status}"
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if status == HTTPStatus.GONE:
        raise PermanentError(said)
    if status in _BUSY:
        raise TransientError(said, wait_seconds=seconds_of(retry_after, now))
    if status in _OTHER_DOOR or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
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


def _read(response: httpx2.Response, until: float) -> None:
    """Enough of it; who drips is left."""
    read = 0
    for part in response.iter_raw():
        read += len(part)
        if read > _READ_BYTES or time.monotonic() > until:
            return


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise FatalError(f"{ca} holds no certificates: {error.strerror or error}") from error

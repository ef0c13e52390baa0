"""One call to a receiver, signed, and what its answer means."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from hub.sdk.access import signature
from hub.sdk.sink_contract import Answer
from hub.sdk.sinks.addresses import Network
from hub.sdk.sinks.caller import Caller, judge
from hub.sdk.sinks.webhook.messages import CONTENT_TYPE


class Receiver:
    """A receiver's address and secrets. May be called by several threads."""

    def __init__(
        self, url: str, secrets: Sequence[bytes], listed: Sequence[Network] = (), ca: Path | ssl.SSLContext | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`listed` and `ca` as of Caller."""
        self._caller = Caller(url, listed, ca)
        self._secrets, self._now = secrets, now

    def check(self) -> str:
        """As of Caller."""
        return self._caller.check()

    def deliver(self, message_id: str, body: bytes) -> Answer:
        """What came of it, in words that never quote the answer.

        Raises TransientError where it is about the receiver and not about this call, PermanentError if the receiver is gone.
        """
        signed = signature.headers(self._secrets, message_id, int(self._now()), body)
        heard = self._caller.call(body, {"Content-Type": CONTENT_TYPE} | signed)
        return judge(heard.status, heard.retry_after, self._now())

    def close(self) -> None:
        self._caller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

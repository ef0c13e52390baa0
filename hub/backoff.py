"""How long to wait before what failed is tried again. Everything in the hub that backs off asks here; Kafka's and the registry's
clients do so by themselves, as their settings say."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hub.errors import RetriableError

_T = TypeVar("_T")
_FIRST_SECONDS = 0.1
_MOST_SECONDS = 1.0


@dataclass
class Backoff:
    """The waits between the tries of one thing: twice as long each time, `most_seconds` at most. `share` gives 0 to 1, by chance.

    Each wait lies anywhere between half of that and the whole, so that those who lost the same broker at one instant do not come
    back at one instant ("equal jitter" in M. Brooker, Exponential Backoff And Jitter, 2015).
    """

    first_seconds: float
    most_seconds: float
    share: Callable[[], float] = random.random
    tries: int = 0
    """Waits since `reset`."""

    def next_seconds(self, first_seconds: float | None = None) -> float:
        """How long to wait now. `first_seconds` takes the place of the own one, where the failure says how long it may last."""
        first = self.first_seconds if first_seconds is None else first_seconds
        whole = min(self.most_seconds, first * 2.0 ** min(self.tries, 32))
        self.tries += 1
        return whole * (1 + self.share()) / 2

    def reset(self) -> None:
        """It went well: the next failure is the first."""
        self.tries = 0


def ask_until_answered(
    ask: Callable[[], _T],
    seconds: float,
    *,
    meanwhile: Callable[[], None] = lambda: None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> _T:
    """What `ask` returns. While it raises RetriableError it is asked again, `meanwhile` being called between, until `seconds` have
    passed; then its error goes on. Any other error goes on at once. Blocks."""
    backoff, until = Backoff(_FIRST_SECONDS, _MOST_SECONDS), now() + seconds
    while True:
        try:
            return ask()
        except RetriableError:
            if now() > until:
                raise
            meanwhile()
            sleep(backoff.next_seconds())

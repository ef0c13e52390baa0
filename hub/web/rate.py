"""How often one caller may ask: a bucket of tokens that fills at a steady rate. Bounded, whoever and however many call."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address

_MOST_CALLERS = 10_000


def caller_of(address: str) -> str:
    """Who calls from an address: of IPv6 its network of 64 bits, as one customer has all of that."""
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or int(found) >> 64)


class CallRate:
    """`burst` calls at once, and `per_second` on from there, for each caller."""

    def __init__(self, burst: int, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._now = burst, per_second, now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_seconds(self, caller: str) -> int:
        """0, and the call is counted; else how many seconds the caller is to wait."""
        now = self._now()
        left, at = self._buckets.pop(caller, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._per_second)
        allowed = left >= 1
        self._buckets[caller] = (left - allowed, now)
        while len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        return 0 if allowed else math.ceil((1 - left) / self._per_second)

"""Which deliveries of one receiver are due. Pure: told the time, and what came of each try.

Deliveries of one case go out one after the other, in their order; cases do not wait for each other. The place up to which all is
done is what a consumer group may commit: whatever comes after it comes again after a crash, with the same id.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from hub.backoff import Backoff

FIRST_SECONDS, MOST_SECONDS = 1.0, 3600.0
LONGEST_WAIT_SECONDS = 86_400.0
"""However long a receiver asks for."""


class Place(NamedTuple):
    """A partition that deliveries come from."""

    topic: str
    partition: int


class Later(Exception):  # noqa: N818  an answer, not a failure of ours
    """Try again: after `seconds` if the receiver said so, else as the back-off has it. `everybody`: it is not about this delivery,
    so no other goes to this receiver meanwhile."""

    def __init__(self, why: str, seconds: float | None = None, *, everybody: bool = False) -> None:
        super().__init__(why)
        self.why, self.seconds, self.everybody = why, seconds, everybody


class Refused(Exception):  # noqa: N818
    """The receiver will never take this one."""


class Gone(Exception):  # noqa: N818
    """The receiver is there no more (410): nothing goes to it until somebody says so."""


@dataclass
class Delivery:
    """One call that is to be made until it is answered."""

    place: Place
    offset: int
    case: str
    id: str
    body: bytes
    came: float
    tries: int = 0
    not_before: float = field(default=0.0)


class Outbox:
    """Of one receiver. `budget_seconds`: after so long a delivery that was tried is given up."""

    def __init__(self, budget_seconds: float, share: Callable[[], float] = random.random) -> None:
        self._budget = budget_seconds
        self._share = share
        self._cases: dict[str, deque[Delivery]] = {}
        self._undone: dict[Place, dict[int, Delivery]] = {}
        self._ends: dict[Place, int] = {}
        self._under_way: set[tuple[Place, int]] = set()
        self._waiting_until = 0.0
        self._failed = 0
        """Tries in a row that were not about the delivery."""

    def __len__(self) -> int:
        return sum(map(len, self._undone.values()))

    def add(self, delivery: Delivery) -> None:
        """In the order of offsets."""
        self._ends[delivery.place] = delivery.offset + 1
        self._undone.setdefault(delivery.place, {})[delivery.offset] = delivery
        self._cases.setdefault(delivery.case, deque()).append(delivery)

    def skip(self, place: Place, offset: int) -> None:
        """Nothing is to be delivered of this one."""
        self._ends[place] = offset + 1

    def take_due(self, now: float, limit: int) -> list[Delivery]:
        """What is to be tried now, and is under way from now on: at most one of each case."""
        if now < self._waiting_until:
            return []
        room = (1 if self._failed else limit) - len(self._under_way)  # one try finds out whether the receiver is back
        found = [queue[0] for queue in self._cases.values() if self._is_due(queue[0], now)][: max(0, room)]
        self._under_way.update((each.place, each.offset) for each in found)
        return found

    def _is_due(self, head: Delivery, now: float) -> bool:
        return (head.place, head.offset) not in self._under_way and head.not_before <= now

    def delivered(self, delivery: Delivery) -> None:
        """It was, or was set aside."""
        self._failed = 0
        self._done(delivery)

    def is_over(self, delivery: Delivery, now: float) -> bool:
        """True if it was tried for long enough."""
        return now - delivery.came >= self._budget

    def again(self, delivery: Delivery, later: Later, now: float) -> float:
        """It goes out again; after how many seconds."""
        delivery.tries += 1
        self._under_way.discard((delivery.place, delivery.offset))
        self._failed = self._failed + 1 if later.everybody else 0
        wait = self._wait(later, self._failed if later.everybody else delivery.tries)
        if later.everybody:
            self._waiting_until = max(self._waiting_until, now + wait)
        else:
            delivery.not_before = now + wait
        return wait

    def _wait(self, later: Later, tries: int) -> float:
        if later.seconds is not None:
            return min(max(later.seconds, 0.0), LONGEST_WAIT_SECONDS)
        return Backoff(FIRST_SECONDS, MOST_SECONDS, self._share, tries - 1).next_seconds()

    def _done(self, delivery: Delivery) -> None:
        self._under_way.discard((delivery.place, delivery.offset))
        del self._undone[delivery.place][delivery.offset]
        queue = self._cases[delivery.case]
        queue.popleft()
        if not queue:
            del self._cases[delivery.case]

    def positions(self) -> Iterator[tuple[Place, int]]:
        """By partition, the first offset that is not done: what came before it need not come again."""
        for place, end in self._ends.items():
            yield place, next(iter(self._undone.get(place, {})), end)

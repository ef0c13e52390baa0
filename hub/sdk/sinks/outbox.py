"""Which deliveries of one receiver are due. Pure: told the time, and what came of each try.

Deliveries of one case go out one after the other, in their order; cases do not wait for each other. The place up to which all is
done is what a consumer group may commit: whatever comes after it comes again after a crash, with the same id.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hub.backoff import Backoff
from hub.sdk.sink_contract import Delivery, DeliveryPlace, Later, SinkPositions

_FIRST_SECONDS, _MOST_SECONDS = 1.0, 3600.0
LONGEST_WAIT_SECONDS = 86_400.0
"""However long a receiver asks for."""


@dataclass(eq=False)
class Pending:
    """A delivery that is handed over until it is taken. `came`: when it was read, by the clock of who asks."""

    delivery: Delivery
    came: float
    tries: int = 0
    not_before: float = 0.0


class Outbox:
    """Of one receiver. `budget_seconds`: after so long a delivery that was tried is given up."""

    def __init__(self, budget_seconds: float, share: Callable[[], float] = random.random) -> None:
        self._budget = budget_seconds
        self._share = share
        self._cases: dict[str, deque[Pending]] = {}
        self._undone: dict[DeliveryPlace, dict[int, Pending]] = {}
        self._ends: dict[DeliveryPlace, int] = {}
        self._under_way: set[Pending] = set()
        self._waiting_until = 0.0
        self._failed = 0
        """Tries in a row that were about the receiver."""

    def __len__(self) -> int:
        return sum(map(len, self._undone.values()))

    @property
    def is_held(self) -> bool:
        """True while the receiver itself is what fails: one try at a time finds out whether it is back."""
        return self._failed > 0

    @property
    def waiting_until(self) -> float:
        return self._waiting_until

    @property
    def places(self) -> Iterator[DeliveryPlace]:
        """Where its deliveries come from."""
        return iter(self._ends)

    def oldest_ms(self) -> int | None:
        """When the oldest that is not done was written."""
        firsts = (next(iter(undone.values())) for undone in self._undone.values() if undone)
        return min((each.delivery.written_ms for each in firsts), default=None)

    def add(self, pending: Pending) -> None:
        """In the order of offsets."""
        delivery = pending.delivery
        self._ends[delivery.place] = delivery.offset + 1
        self._undone.setdefault(delivery.place, {})[delivery.offset] = pending
        self._cases.setdefault(delivery.case, deque()).append(pending)

    def take_due(self, now: float, limit: int) -> list[Pending]:
        """What is to be tried now, and is under way from now on, as long as that is at most `limit`: at most one of each case."""
        if now < self._waiting_until:
            return []
        room = (1 if self._failed else limit) - len(self._under_way)  # one try finds out whether the receiver is back
        if room <= 0:
            return []
        found = []
        for queue in self._cases.values():
            if queue[0] not in self._under_way and queue[0].not_before <= now:
                found.append(queue[0])
                if len(found) == room:
                    break
        self._under_way.update(found)
        return found

    def delivered(self, pending: Pending) -> None:
        """It was taken, or set aside."""
        self._failed = 0
        self._done(pending)

    def is_over(self, pending: Pending, now: float) -> bool:
        """True if it was tried for long enough."""
        return now - pending.came >= self._budget

    def again(self, pending: Pending, later: Later, now: float) -> float:
        """It goes out again; after how many seconds."""
        pending.tries += 1
        self._under_way.discard(pending)
        self._failed = self._failed + 1 if later.receiver else 0
        wait = self._wait(later, self._failed if later.receiver else pending.tries)
        if later.receiver:
            self._waiting_until = max(self._waiting_until, now + wait)
        else:
            pending.not_before = now + wait
        return wait

    def _wait(self, later: Later, tries: int) -> float:
        if later.seconds is not None:
            return min(max(later.seconds, 0.0), LONGEST_WAIT_SECONDS)
        return Backoff(_FIRST_SECONDS, _MOST_SECONDS, self._share, tries - 1).next_seconds()

    def _done(self, pending: Pending) -> None:
        delivery = pending.delivery
        self._under_way.discard(pending)
        del self._undone[delivery.place][delivery.offset]
        queue = self._cases[delivery.case]
        queue.popleft()
        if not queue:
            del self._cases[delivery.case]


class Marks:
    """How far each partition is done, over all receivers: the first offset that is not. What came before need not come again."""

    def __init__(self) -> None:
        self._ends: dict[DeliveryPlace, int] = {}
        self._undone: dict[DeliveryPlace, dict[int, None]] = {}

    def came(self, place: DeliveryPlace, offset: int, *, to_do: bool) -> None:
        """In the order of offsets."""
        self._ends[place] = offset + 1
        if to_do:
            self._undone.setdefault(place, {})[offset] = None

    def done(self, place: DeliveryPlace, offset: int) -> None:
        self._undone[place].pop(offset, None)

    def positions(self) -> SinkPositions:
        return {place: next(iter(self._undone.get(place, {})), end) for place, end in self._ends.items()}

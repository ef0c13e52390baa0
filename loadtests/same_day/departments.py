"""What departments and the desk say during the day: the simulator's plain answers, and every other thing that may be said."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

from hub.millis import HOUR_MS
from hub.model.update import Update, status_and_step
from hub.simulator.departments import UpdateDesk
from hub.testing.memory import MemoryHub
from hub.topics import dept_orders, dept_updates

DESK = "dispatch_desk"
_LATE = 0.1
"""Share of updates that are sent hours after what they tell of."""


class PlannedMessage(NamedTuple):
    """An update, or whatever bytes, by a department's topic, so many hours after the order."""

    hours: float
    department: str
    what: Update | bytes


Words = Iterator[PlannedMessage]


class Departments:
    """Reads what it has not read of the orders, and says what is due."""

    def __init__(self, hub: MemoryHub, seed: int) -> None:
        self._hub, self._seed = hub, seed
        self._desk = UpdateDesk(seed)
        self._read = dict.fromkeys(hub.departments, 0)
        self._due: list[tuple[int, int, PlannedMessage]] = []
        self._count = 0

    def read(self) -> None:
        for department in self._read:
            orders = self._hub.broker.records(dept_orders(department).name)
            for record in orders[self._read[department] :]:
                self._take(self._hub.codec.decode_one(record.value or b"")[1])
            self._read[department] = len(orders)

    def say(self, now_ms: int) -> None:
        """What has come to its time."""
        for answer in self._desk.due(now_ms):
            self._hub.publish(Update.model_validate(answer.update()))
        while self._due and self._due[0][0] <= now_ms:
            self._send(heapq.heappop(self._due)[-1])

    def _send(self, message: PlannedMessage) -> None:
        topic, what = dept_updates(message.department).name, message.what
        if isinstance(what, bytes):
            self._hub.send(topic, b"rubbish", what)
        else:
            self._hub.send(topic, what.case_id.encode(), self._hub.codec.encode_one(what.subject(), what.to_avro()))

    def _take(self, order: dict[str, Any]) -> None:
        self._desk.take(order)
        chance = Random(f"{self._seed}:{order['order_id']}")
        for each in _words(chance, order):
            late = chance.uniform(1, 30) if chance.random() < _LATE else 0.0
            self._count += 1
            sent_ms = order["issued_at"] + round((each.hours + late) * HOUR_MS)
            heapq.heappush(self._due, (sent_ms, self._count, each))


def _words(chance: Random, order: Mapping[str, Any]) -> Words:
    if order["kind"] == "LINK" and chance.random() < 0.2:
        event = order["event"]
        yield planned(order, "UNLINKED", 0.5, by=DESK, report=f"{event['source']}:{event['source_ref']}")
    if order["kind"] == "ASSIGN":
        for share, words in _PLAYS:
            if chance.random() < share:
                yield from words(chance, order)


def planned(order: Mapping[str, Any], word: str, hours: float, by: str | None = None, **fields: Any) -> PlannedMessage:
    """One update, of so many hours after its order, sent at that time by who holds the case or `by` another."""
    update = _update(order, word, hours, by or order["department"], **fields)
    return PlannedMessage(hours, update.department, update)


def _update(order: Mapping[str, Any], word: str, hours: float, by: str, **others: Any) -> Update:
    status, step = status_and_step(word)
    fields = {
        "update_id": f"{order['order_id']}-{word}-{hours:.2f}", "department": by, "case_id": order["case_id"], "status": status,
        "step": step, "at": order["issued_at"] + round(hours * HOUR_MS), "note": "As agreed. 已商定。",
    }  # fmt: skip
    return Update.model_validate(fields | others)


def _other(order: Mapping[str, Any], chance: Random) -> str:
    return chance.choice(
        [each for each in ("roads", "water_supply", "urban_mgmt", "market") if each != order["department"]]
    )


def _passed_on(chance: Random, order: Mapping[str, Any]) -> Words:
    yield planned(order, "TRANSFERRED", chance.uniform(0.1, 1), to=_other(order, chance))


def _designated(chance: Random, order: Mapping[str, Any]) -> Words:
    to = _other(order, chance)
    yield planned(order, "DESIGNATED", 0.3, by=DESK, to=to)
    yield planned(order, "REFUSED", 0.6, by=to)


def _refused(chance: Random, order: Mapping[str, Any]) -> Words:
    yield planned(order, "REFUSED", 0.2)
    yield planned(order, "TRANSFERRED", 0.7, by=DESK, to=_other(order, chance))


def _extended(chance: Random, order: Mapping[str, Any]) -> Words:
    yield planned(order, "EXTENSION_ASKED", chance.uniform(0.1, 3), clock="resolve")
    decision = chance.choice(["EXTENSION_GRANTED", "EXTENSION_GRANTED", "EXTENSION_DENIED"])
    yield planned(order, decision, chance.uniform(1, 20), by=DESK, clock="resolve")


def _paused(chance: Random, order: Mapping[str, Any]) -> Words:
    yield planned(order, "PAUSED", chance.uniform(0.1, 2), reason=chance.choice(["weather", "appraisal", "no reason"]))
    yield planned(order, "RESUMED", chance.uniform(2, 9))


def _called_together(chance: Random, order: Mapping[str, Any]) -> Words:
    member = _other(order, chance)
    yield planned(order, "WHISTLED", 0.2, members=[member])
    yield planned(order, "ARRIVED", 0.5, by=member)
    yield planned(order, "RESOLVED", chance.uniform(1, 9), by=member)
    yield planned(order, "RESOLVED", chance.uniform(10, 20))
    yield planned(order, "SCORED", 30, by=DESK, to=member, score=chance.randrange(100))


def _pressed(chance: Random, order: Mapping[str, Any]) -> Words:
    yield planned(order, "REMINDED", 1, by=DESK)
    yield planned(order, chance.choice(["SUPERVISED", "NOTIFIED"]), 2, by=DESK)
    yield planned(order, "REMINDED", 3, by=DESK)


def _called_back(chance: Random, order: Mapping[str, Any]) -> Words:
    end = chance.uniform(0.5, 4)
    yield planned(order, "RESOLVED", end)
    yield planned(order, "VERIFIED", end + 1, by=DESK)
    happy = chance.random() < 0.5
    yield planned(order, "SATISFIED" if happy else "UNSATISFIED", end + 2, by=DESK, solved=happy)
    if not happy:
        yield planned(order, "REOPENED", end + 3, by=DESK, reason="it is not done")


def _strange(chance: Random, order: Mapping[str, Any]) -> Words:
    """What is not theirs to say, or cannot be meant."""
    yield planned(order, "RESOLVED", 0.1, by=_other(order, chance))
    ahead_ms, early_ms = (order["issued_at"] + hours * HOUR_MS for hours in (2, -90))
    for changes in (
        {"at": ahead_ms, "update_id": "AHEAD"}, {"at": early_ms, "update_id": "EARLY"}, {"case_id": "C-OF-NOBODY"},
        {"department": DESK, "update_id": "NOT-MINE"}, {}, {"note": "Something else."},
    ):  # fmt: skip
        update = _update(order, "ACCEPTED", 0.15, order["department"])
        yield PlannedMessage(0.15, order["department"], update.model_copy(update=changes))
    yield PlannedMessage(0.15, order["department"], chance.randbytes(30))


_PLAYS: tuple[tuple[float, Callable[[Random, Mapping[str, Any]], Words]], ...] = (
    (0.06, _passed_on), (0.03, _designated), (0.05, _refused), (0.10, _extended), (0.06, _paused), (0.04, _called_together),
    (0.05, _pressed), (0.10, _called_back), (0.04, _strange),
)  # fmt: skip

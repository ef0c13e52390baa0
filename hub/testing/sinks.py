"""For tests of sinks, ours and those of others: deliveries by hand, and topics in memory in the place of Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from hub.millis import HOUR_MS
from hub.sdk.sink_contract import Delivery, DeliveryPlace, SinkPositions
from hub.sdk.sinks.reader import ReadRecord, SinkStandpoints
from hub.sdk.sinks.records import delivery_of
from hub.stream.kafka.standpoint import is_made_anew

NOON_MS = 1_772_424_000_000


def order(
    number: int, case: str = "C-1", department: str = "roads", kind: str = "ASSIGN", place: DeliveryPlace | None = None
) -> Delivery:
    """The order `O-<number>`, at offset `number` of its topic."""
    return _made("cityhub.Order", number, place or DeliveryPlace(f"dept.{department}.orders", 0), {
        "order_id": f"O-{number}", "kind": kind, "case_id": case, "department": department, "issued_at": NOON_MS + number,
        "area": None, "rule": "r", "reason": None, "queue": None, "lead": None, "priority": None, "deadlines": [], "event": None,
    })  # fmt: skip


def reply(
    number: int, case: str = "C-1", source: str = "hotline", ref: str = "H-1", status: str = "ACCEPTED"
) -> Delivery:
    """The reply `R-<number>`, at offset `number` of its topic."""
    return _made("cityhub.Reply", number, DeliveryPlace(f"city.{source}.replies", 0), {
        "reply_id": f"R-{number}", "source": source, "source_ref": ref, "case_id": case, "department": "roads",
        "status": status, "at": NOON_MS + number, "text": "A crew is on its way.",
    })  # fmt: skip


def notice(number: int, case: str = "C-1", kind: str = "WARNED", clock: str = "resolve") -> Delivery:
    """What a clock says of a case, at offset `number` of its topic."""
    return _made("cityhub.DeadlineEvent", number, DeliveryPlace("hub.deadlines", 0), {
        "case_id": case, "clock": clock, "kind": kind, "department": "roads", "category": "road.pothole", "policy": "p",
        "started_at": NOON_MS, "due_at": NOON_MS + HOUR_MS, "at": NOON_MS + number, "noticed_at": NOON_MS + number,
        "corrects": False, "duration": 1.0, "unit": "hour", "calendar": "", "stretches": [], "pauses": [], "extensions": [],
        "extension": 0.0, "extension_unit": "", "provisional": False, "said_at": None, "rules": "",
    })  # fmt: skip


def change(number: int, case: str = "C-1", kind: str = "OPENED", department: str = "roads") -> Delivery:
    """A change of a case, at offset `number` of its topic."""
    return _made("cityhub.CaseChange", number, DeliveryPlace("hub.cases", 0), {
        "case_id": case, "change": kind, "at": NOON_MS + number, "origin": None, "source": "hotline", "source_ref": "H-1",
        "revision": number, "lead_source": "hotline", "lead_ref": "H-1", "category": "road.pothole", "urgency": "ROUTINE",
        "channel": "phone", "place_key": "g", "area": "110101", "lat": 39.9, "lon": 116.3, "department": department, "rule": "r",
        "desk_reason": None, "queue": None, "co_handlers": [], "priority": None, "conditions": [], "opened_at": NOON_MS,
        "due_at": None, "reports": 1, "ends": False, "over": kind == "CLOSED", "reopens": False, "unlinks": False, "link": None,
        "history": None, "held": [], "moves": 0, "rules": "", "clocks": [],
    })  # fmt: skip


def _made(subject: str, number: int, place: DeliveryPlace, record: dict[str, object]) -> Delivery:
    delivery = delivery_of(subject, record, place, number, NOON_MS + number)
    assert delivery is not None
    return delivery


class MemoryReader:
    """Takes the place of hub.sdk.sinks.reader.DeliveryReader: what is in `deliveries`, from what is committed in `group`.

    `ended` is called when nothing more is there to be read. `logs`: the ids of topics.
    """

    def __init__(
        self,
        deliveries: Iterable[Delivery],
        group: SinkPositions | None = None,
        ended: Callable[[], None] = lambda: None,
        logs: Mapping[str, str] | None = None,
    ) -> None:
        self.group: SinkPositions = {} if group is None else group
        self._deliveries = sorted(deliveries, key=lambda each: (each.written_ms, each.offset))
        self._ended, self._logs = ended, logs or {}
        self._at: SinkPositions = {}
        self._held: set[DeliveryPlace] = set()

    def subscribe(
        self, revoked: Callable[[bool], None], positions: Callable[[], SinkStandpoints] | None = None
    ) -> None:
        del revoked
        kept = {} if positions is None else positions()
        same = {place: at for place, (at, log) in kept.items() if not is_made_anew(log, self.topic_id(place))}
        self._at = dict(self.group if positions is None else same)

    def read(self, limit: int, timeout_seconds: float) -> list[ReadRecord]:
        del timeout_seconds
        found: list[Delivery] = []
        for each in self._deliveries:
            if len(found) < limit and each.place not in self._held and each.offset >= self._at.get(each.place, 0):
                found.append(each)
                self._at[each.place] = each.offset + 1
        if not self.behind():
            self._ended()
        return [ReadRecord(each.place, each.offset, each) for each in found]

    def topic_id(self, place: DeliveryPlace) -> str:
        return self._logs.get(place.topic, "")

    def hold(self, places: set[DeliveryPlace]) -> None:
        self._held = places

    def behind(self) -> int:
        return sum(each.offset >= self._at.get(each.place, 0) for each in self._deliveries)

    def commit(self, done: SinkPositions) -> None:
        self.group |= done

    def close(self) -> None: ...


def in_case_order(ids: Sequence[str], deliveries: Iterable[Delivery]) -> bool:
    """True if what is of one case and one receiver came in its order, the first time each came."""
    first = {each: index for index, each in reversed(list(enumerate(ids)))}
    lines: dict[tuple[str, str], list[int]] = {}
    for each in deliveries:
        if each.id in first:
            lines.setdefault((each.party, each.case), []).append(first[each.id])
    return all(line == sorted(line) for line in lines.values())

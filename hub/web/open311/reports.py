"""Reports on their way into the hub. A call that comes again is answered with the same id, and is the same report.

An id says which app made it, to whoever has the secret: so every process knows it at once and for good, and nothing is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from collections import OrderedDict
from collections.abc import Sequence

from hub.clock import wall_ms
from hub.escaping import to_json
from hub.model.event import Attachment, CaseEvent, EventKind, Place, Urgency
from hub.topics import OWN_SOURCE, city_events
from hub.web.front import Front
from hub.web.intake import Outgoing
from hub.web.open311.forms import NewReport
from hub.web.read.model import OwnStatement, StatementQuery

_WINDOW_MS = 600_000
"""A report that says the same within so long is the same, where the caller gives it no key of its own."""
_MOST_REMEMBERED = 10_000
_SEPARATOR = "\x1f"
_UNSIGNED_CHARS = 18
"""Of an id: behind them stands which app made it, in 8 more."""


class ReportIntake:
    """Of one process. Ids are made with a secret, so that nobody reckons those of others."""

    def __init__(self, front: Front, secret: bytes) -> None:
        self._front, self._secret = front, secret
        self._sent: OrderedDict[str, tuple[Outgoing, bool]] = OrderedDict()
        """What Kafka was given lately, and whether it has acknowledged it."""

    async def report(self, report: NewReport, app: str, device: str, key: str) -> str:
        """The id of a report by an app, once Kafka has it. `app`: whose api_key it came with, whichever of its keys; `key`: the
        caller's own for this call; `device` tells its users apart.

        Raises NotTakenError.
        """
        refs = self._refs(report, app, device, key)
        known = self._front.model.statements(StatementQuery(refs=refs), 0, 1)
        if known:
            return known[0].ref
        ref = next((each for each in refs if each in self._sent), refs[0])
        if ref not in self._sent:
            self._remember(ref, self._outgoing(_opened(ref, report)))
        outgoing, is_kept = self._sent[ref]
        if not is_kept:
            await self._front.intake.put([outgoing])
            self._sent[ref] = outgoing, True
        return ref

    def statement(self, ref: str) -> OwnStatement | None:
        """What was reported under an id: as the topic has it, or as it went into it a moment ago. None for what is no such id."""
        if found := self._front.model.statements(StatementQuery(refs=[ref]), 0, 1):
            return found[0]
        outgoing, is_kept = self._sent.get(ref, (None, False))
        if outgoing is None or not is_kept:
            return None
        _, record = self._front.codec.decode_one(outgoing.value or b"")
        return OwnStatement(ref, record["reported_at"], record["reported_at"], to_json(record))

    async def add(self, ref: str, update_id: str, kind: EventKind, at_ms: int, text: str) -> None:
        """Something more that was said of a report, once Kafka has it. Raises NotTakenError."""
        event = CaseEvent(
            source=OWN_SOURCE, source_ref=ref, revision=0, revision_counted=False, kind=kind, reported_at=at_ms, category="",
            urgency=Urgency.ROUTINE, place=Place(), title="", text=text, channel=OWN_SOURCE,
            attributes={"update_id": update_id},
        )  # fmt: skip
        await self._front.intake.put([self._outgoing(event)])

    def _outgoing(self, event: CaseEvent) -> Outgoing:
        value = self._front.codec.encode_one(CaseEvent.subject(), event.to_avro())
        return Outgoing(city_events(OWN_SOURCE).name, event.source_ref.encode(), value)

    def _refs(self, report: NewReport, app: str, device: str, key: str) -> Sequence[str]:
        """Ids that the report may have already, the one it gets now first."""
        if key:
            return [self._ref(app, "key", key)]
        window = wall_ms() // _WINDOW_MS
        place = [str(None if each is None else round(each, 4)) for each in (report.lat, report.lon)]
        said = [
            app, "said", device, report.service_code, *place, report.address, report.address_id, report.description,
            report.media_url, *(f"{code}={value}" for code, value in sorted(report.attributes.items())),
        ]  # fmt: skip
        return [self._ref(*said, str(each)) for each in (window, window - 1)]

    def is_of(self, app: str, ref: str) -> bool:
        """Whether this app made the report with this id."""
        return hmac.compare_digest(ref.encode(), self._signed(app, ref[:_UNSIGNED_CHARS]).encode())

    def _ref(self, app: str, *parts: str) -> str:
        return self._signed(app, f"S-{self._digest(10, b'id', app, *parts)}")

    def _signed(self, app: str, unsigned: str) -> str:
        return f"{unsigned}{self._digest(5, b'app', app, unsigned)}"

    def _digest(self, size: int, purpose: bytes, *parts: str) -> str:
        text = _SEPARATOR.join(parts).encode()
        return b32encode(hashlib.blake2b(text, digest_size=size, key=self._secret, person=purpose).digest()).decode()

    def _remember(self, ref: str, outgoing: Outgoing) -> None:
        self._sent[ref] = outgoing, False
        while len(self._sent) > _MOST_REMEMBERED:
            self._sent.popitem(last=False)


def _opened(ref: str, report: NewReport) -> CaseEvent:
    attributes = dict(report.attributes) | ({"address_id": report.address_id} if report.address_id else {})
    return CaseEvent(
        source=OWN_SOURCE, source_ref=ref, revision=0, revision_counted=False, kind=EventKind.OPENED, reported_at=wall_ms(),
        category=report.service_code, urgency=Urgency.ROUTINE,
        place=Place(lat=report.lat, lon=report.lon, address=report.address or None), title="", text=report.description,
        channel=OWN_SOURCE, attributes=attributes,
        attachments=[Attachment(uri=report.media_url, media_type=report.media_type)] if report.media_url else [],
    )  # fmt: skip

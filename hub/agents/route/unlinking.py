"""Acts on what `track` allowed: a report leaves its case and becomes one of its own, by the rules of when it was made."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from hub.agents.route.desks import RuleSets
from hub.core.cases.changes.unlinking import Unlinking, part
from hub.core.cases.statements import LinkedStatement, RouteJournal, drop, keep
from hub.core.cases.steps import Step
from hub.core.report import Sighting, sighting_of
from hub.errors import RejectedRecordError
from hub.model.event import CaseEvent
from hub.stream.avro.codec import Codec

log = logging.getLogger(__name__)


def unlink(codec: Codec, desks: RuleSets, journal: RouteJournal, asked: Unlinking) -> list[Step]:
    """The steps of the case that is left, then those of the new one: opened, and all that the report said since."""
    said = list(_sightings(codec, journal.book.statements_of(asked.report)))
    cases = journal.of(journal.book.cases)
    steps = part(cases, asked, [seen.body for seen in said])
    if not steps or not steps[0].unlinks:
        return steps
    drop(journal, asked.report)
    keep(journal, steps, ())
    first, *later = said
    opened = desks.open_alone(cases, first, f"taken out of case {asked.case_id} 撤销并案, by {asked.by}")
    return [*steps, opened, *(desks.take_all(cases, later) if later else ())]


def _sightings(codec: Codec, statements: Iterable[LinkedStatement]) -> Iterator[Sighting]:
    """What cannot be read is as if it had not been kept."""
    for statement in statements:
        try:
            yield _sighting(codec, statement)
        except RejectedRecordError as error:
            log.error("what a linked report said cannot be read again: %s", error.detail)  # noqa: TRY400 - no defect of ours, so no traceback


def _sighting(codec: Codec, statement: LinkedStatement) -> Sighting:
    event = CaseEvent.checked(codec.decode_body("cityhub.CaseEvent", statement.event))
    return sighting_of(
        event,
        place_key=statement.place_key,
        area=statement.area,
        lat=statement.lat,
        lon=statement.lon,
        body=statement.event,
        opens_ms=statement.opens_ms,
    )

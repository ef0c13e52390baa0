"""The records `track` publishes: what clocks said, reminders, closures and replies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hub import metrics, topics
from hub.agents.context import Hub
from hub.agents.grouping import rows_by
from hub.agents.track.derivations import derivation_columns
from hub.agents.track.rates import count_rates
from hub.agents.track.reminders import publish_reminders, publish_supervision
from hub.core.columns import any_said, latest
from hub.core.deadlines.versions import RuleVersions
from hub.core.tracking.columns.history import held_value
from hub.core.tracking.consequences import Effects, Ending, OwedReply
from hub.core.tracking.lives.lives import Lives
from hub.core.tracking.replies import OF_PART
from hub.core.tracking.rings import BREACHED, ENDED_LATE, MET, WARNED, Ring
from hub.core.tracking.state import UpdateDetails
from hub.model.ids import CORRECTS, derived_ids, of_revision
from hub.model.personal import Personal
from hub.model.update import UpdateStatus
from hub.stream.outlet import Transaction

_COUNTERS = {WARNED: metrics.WARNINGS, BREACHED: metrics.BREACHES, MET: metrics.DEADLINES_MET}


def publish(hub: Hub, tx: Transaction, effects: Effects, now_ms: int, rules: RuleVersions, lives: Lives) -> None:
    """Everything a chunk caused. `now_ms` is the hub's clock: when it was noticed. Nothing is dated before what it is about, of
    which a source's clock may be ahead, or a partition's data clock behind."""
    departments = [ring.department for ring in effects.rings]
    _publish_rings(hub, tx, effects.rings, departments, now_ms, rules)
    publish_reminders(hub, tx, effects.rings, now_ms, lives)
    _publish_endings(hub, tx, effects.endings)
    _publish_replies(hub, tx, effects.replies, lives)
    publish_supervision(hub, tx, effects.notices, now_ms, lives)
    count_rates(hub, tx, effects)
    rung = Counter([(ring.kind, by, ring.clock.clock) for ring, by in zip(effects.rings, departments, strict=True)])
    for (kind, department, clock), times in rung.items():
        if kind in _COUNTERS:
            tx.count(_COUNTERS[kind].labels(hub.label(department), hub.clock_label(clock)), times)


def _publish_endings(hub: Hub, tx: Transaction, endings: list[Ending]) -> None:
    ledgers, details = [ending.ledger for ending in endings], [ending.details for ending in endings]
    columns: dict[str, Any] = {
        "case_id": [ending.case.case_id for ending in endings],
        "place_key": [ending.case.place_key for ending in endings],
        "outcome": [ending.outcome for ending in endings],
        "department": [ending.department for ending in endings],
        "at": latest([ending.at_ms for ending in endings], [ending.case.opened_ms for ending in endings]),
        "step": [ending.step for ending in endings],
        **any_said(by_hand=[ending.by_hand for ending in endings], until=[ending.until_ms for ending in endings]),
        **(_detail_columns(details) if any(details) else {}),
        **({"held": list(map(held_value, ledgers))} if any(ledgers) else {}),
    }
    tx.publish(
        topics.CLOSURES,
        hub.codec.encode_columns("cityhub.Closure", columns),
        columns["place_key"],
        tx.caused_by(columns["case_id"]),
    )


def _detail_columns(details: Sequence[UpdateDetails | None]) -> dict[str, Any]:
    return any_said(
        to=[each and each.to for each in details],
        members=[each.members if each else () for each in details],
        reason=[each and each.reason for each in details],
        report=[each and each.report for each in details],
    )


def _publish_replies(hub: Hub, tx: Transaction, replies: list[OwedReply], lives: Lives) -> None:
    answers = [reply.answer for reply in replies]
    said = [of_revision(answer.update_id, answer.revision) for answer in answers]
    columns: dict[str, Sequence[Any]] = {
        "reply_id": derived_ids(
            "R",
            [
                (r.case.case_id, r.answer.department, by, r.source, r.ref, *([CORRECTS] if r.corrects else ()))
                for r, by in zip(replies, said, strict=True)
            ],
        ),
        "source": [reply.source for reply in replies],
        "source_ref": [reply.ref for reply in replies],
        "case_id": [reply.case.case_id for reply in replies],
        "department": [answer.department for answer in answers],
        "status": [UpdateStatus.RESPONDED if r.of_part else r.answer.status for r in replies],
        "at": [reply.at_ms for reply in replies],
        "text": _texts(hub, replies, lives),
        **any_said(outcome=[None if r.of_part else r.answer.details and r.answer.details.outcome for r in replies]),
    }
    values, refs = hub.codec.encode_columns("cityhub.Reply", columns), columns["source_ref"]
    come_of = tx.caused_by(columns["case_id"])
    for source, chosen in rows_by(columns["source"]).items():
        rows = come_of and [come_of[at] for at in chosen]
        tx.publish(hub.replies(source), [values[at] for at in chosen], [refs[at] for at in chosen], rows)


def _texts(hub: Hub, replies: Sequence[OwedReply], lives: Lives) -> list[str]:
    """What the department wrote, unless the source is answered for a purpose that does not need it; else what the city says."""
    withheld = hub.city.withheld_from_sources
    notes = ["" if Personal.WORDS in withheld.get(reply.source, ()) else reply.answer.note for reply in replies]
    return [
        note
        or (OF_PART[reply.answer.event] if reply.of_part else "")
        or lives.vocabulary.reply(reply.answer.event)
        or lives.outcomes.reply(reply.answer)
        for note, reply in zip(notes, replies, strict=True)
    ]


def _publish_rings(
    hub: Hub, tx: Transaction, rings: list[Ring], departments: list[str], now_ms: int, rules: RuleVersions
) -> None:
    if not rings:
        return
    columns: dict[str, Any] = {
        "case_id": [ring.case.case_id for ring in rings],
        "clock": [ring.name for ring in rings],
        "kind": [ring.kind for ring in rings],
        "department": departments,
        "category": [ring.case.category for ring in rings],
        "policy": [ring.clock.policy for ring in rings],
        "started_at": [ring.clock.started_ms for ring in rings],
        "due_at": [ring.clock.due_ms for ring in rings],
        "at": [ring.at_ms for ring in rings],
        "noticed_at": latest([ring.at_ms for ring in rings], [ring.clock.started_ms for ring in rings]).clip(
            min=now_ms
        ),
        "corrects": [ring.corrects for ring in rings],
        **derivation_columns(rules, rings),
        "said_at": [ring.clock.said_ms if ring.kind in (MET, ENDED_LATE) else None for ring in rings],
    }
    tx.publish(topics.DEADLINES, hub.codec.encode_columns("cityhub.DeadlineEvent", columns), columns["case_id"])

"""Two reports that are put into the demo's day and told at its end: the press of a one-key alarm (一键求助), and a whistle (吹哨)
that calls several departments, who say all that a case may go through. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hub.millis import HOUR_MS, MINUTE_MS
from hub.model.base import to_ms
from hub.simulator.answers import PlannedUpdate
from hub.simulator.generate import Plan
from hub.simulator.scene import Scene, SceneArea, SceneCategory
from hub.simulator.truth import Statement, StatementKind

STAGED_SOURCE, ALARM_REF, WHISTLE_REF = "hotline", "SOS-1", "WHISTLE-1"
_AFTER_MS = HOUR_MS
_ALARM, _WHISTLE = -1, -2
"""Incidents; none of the simulator's own, which count from zero."""
_PERSON, _BUILDING = "safety.person", "order.building"
_LEAD, _HELPER, _OTHER_HELPER, _DESK = "urban_mgmt", "housing", "police_assistance", "dispatch_desk"
CALLED = frozenset((_LEAD, _HELPER, _OTHER_HELPER, _DESK))


def alarm_of(plan: Plan, scene: Scene) -> Statement:
    """The press, an hour into the first day, in the city's first area; of its first category where nobody helps persons."""
    kind = next((kind for kind in scene.kinds if kind.code == _PERSON), scene.kinds[0])
    return _report(
        plan, scene.areas[0], kind, _ALARM, ref=ALARM_REF, urgency="EMERGENCY", title="One-key alarm 一键求助",
        text="A button was pressed. 有人按下求助按钮。", channel="alarm",
    )  # fmt: skip


def whistle_of(plan: Plan, scene: Scene, departments: Sequence[str]) -> Statement | None:
    """The whistle, at the same time in the city's last area; None in a city that has not its matter or those whom it calls."""
    kind = next((kind for kind in scene.kinds if kind.code == _BUILDING), None)
    if kind is None or not set(departments) >= CALLED:
        return None
    return _report(
        plan, scene.areas[-1], kind, _WHISTLE, ref=WHISTLE_REF, urgency="URGENT", title="Whistle 吹哨: building work 加建",
        text="A storey is being added to a roof. 楼顶正在加建一层。", channel="whistle",
    )  # fmt: skip


def _report(plan: Plan, area: SceneArea, kind: SceneCategory, incident: int, **words: Any) -> Statement:
    point, at_ms = area.shape.representative_point(), plan.start_ms + _AFTER_MS
    return Statement(
        sent_ms=at_ms, source=STAGED_SOURCE, revision=0, kind=StatementKind.OPENED,
        occurred_ms=at_ms, reported_ms=at_ms, opened_ms=at_ms, incident=incident,
        category=kind.code, category_label=kind.label, category_label_zh=kind.label_zh,
        group=kind.group, group_label=kind.group_label, area=area.code,
        point=(round(point.y, 6), round(point.x, 6)), address="", **words,
    )  # fmt: skip


class _Line(NamedTuple):
    """What one of them says, so many minutes after the report."""

    minutes: int
    department: str
    event: str
    fields: Mapping[str, Any]


_SAID = (
    _Line(10, _LEAD, "ACCEPTED", {"note": "We lead. 由我们牵头。"}),
    _Line(35, _OTHER_HELPER, "ARRIVED", {"note": "On the spot. 已到现场。"}),
    _Line(50, _HELPER, "ACCEPTED", {"note": "An inspector is on the way. 验房人员已出发。"}),
    # nobody answers within two hours: the clock that runs out reminds by itself 催办
    _Line(5 * 60, _LEAD, "PAUSED", {"reason": "hung up 挂账", "note": "Sealed; the owner is heard. 已封场，待业主陈述。"}),
    _Line(8 * 60, _LEAD, "RESUMED", {"note": "The owner was heard. 已听取陈述。"}),
    _Line(9 * 60, _DESK, "SUPERVISED", {"note": "Answer the caller. 请尽快答复来电人。"}),
    _Line(10 * 60, _LEAD, "EXTENSION_ASKED", {"clock": "resolve", "reason": "a survey is needed 需检测鉴定"}),
    _Line(11 * 60, _DESK, "EXTENSION_GRANTED", {"clock": "resolve", "note": "Approved. 经批准同意延期。"}),
    _Line(13 * 60, _HELPER, "RESPONDED", {"note": "Surveyed: unlawful. 经鉴定属违法建设。"}),
    _Line(15 * 60, _LEAD, "RESOLVED", {"outcome": "solved", "note": "Taken down together. 已联合拆除。"}),
)  # fmt: skip


def staged_answers(order: Mapping[str, Any]) -> list[PlannedUpdate] | None:
    """What everybody says once the lead has its order of the whistle; None of any other case, nothing of its other orders."""
    event = order["event"]
    if event is None or (event["source"], event["source_ref"]) != (STAGED_SOURCE, WHISTLE_REF):
        return None
    if order["kind"] != "ASSIGN" or order["department"] != _LEAD:
        return []
    since_ms, case_id = to_ms(event["reported_at"]), order["case_id"]
    return [
        PlannedUpdate(
            since_ms + line.minutes * MINUTE_MS, line.department, case_id, f"{WHISTLE_REF}-{number}", line.event,
            fields=line.fields,
        )
        for number, line in enumerate(_SAID, start=1)
    ]  # fmt: skip

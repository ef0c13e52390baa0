"""One press of a one-key alarm (一键求助) in the demo's day: said with the hotline's messages, told at the end."""

from __future__ import annotations

from hub.millis import HOUR_MS
from hub.simulator.generate import Plan
from hub.simulator.scene import Scene
from hub.simulator.truth import Statement, StatementKind

ALARM_SOURCE, ALARM_REF = "hotline", "SOS-1"
_AFTER_MS = HOUR_MS
_INCIDENT = -1
"""None of the simulator's own, which count from zero."""
_CATEGORY = "safety.person"


def alarm_of(plan: Plan, scene: Scene) -> Statement:
    """The press, an hour into the first day, in the city's first area; of its first category where nobody helps persons."""
    kind = next((kind for kind in scene.kinds if kind.code == _CATEGORY), scene.kinds[0])
    area = scene.areas[0]
    point = area.shape.representative_point()
    at_ms = plan.start_ms + _AFTER_MS
    return Statement(
        sent_ms=at_ms, source=ALARM_SOURCE, ref=ALARM_REF, revision=0, kind=StatementKind.OPENED,
        occurred_ms=at_ms, reported_ms=at_ms, opened_ms=at_ms, incident=_INCIDENT,
        category=kind.code, category_label=kind.label, category_label_zh=kind.label_zh,
        group=kind.group, group_label=kind.group_label, urgency="EMERGENCY", area=area.code,
        point=(round(point.y, 6), round(point.x, 6)), address="", title="One-key alarm 一键求助",
        text="A button was pressed. 有人按下求助按钮。", channel="alarm",
    )  # fmt: skip

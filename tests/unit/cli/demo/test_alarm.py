"""The one-key alarm of the demo's day: its message becomes a case with an order to who is responsible, and its clocks run."""

from pathlib import Path

from hub.cli.demo.alarm import alarm_of
from hub.millis import HOUR_MS
from hub.model.event import Urgency
from hub.policy import load_city
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.file.join import Input
from hub.settings import ROOT
from hub.simulator.formats import SYSTEM_FILES
from hub.simulator.generate import Plan
from hub.simulator.scene import scene_of
from hub.testing.memory import MemoryHub
from hub.testing.outcomes import outcomes

CITY = load_city(ROOT / "ops" / "cities" / "demo")
NOON = 1_772_420_400_000


def test_a_press_becomes_a_case_with_an_order_and_clocks(tmp_path: Path) -> None:
    pressed = alarm_of(Plan(NOON), scene_of(CITY))
    message = tmp_path / "message.jsonl"
    message.write_text(SYSTEM_FILES[pressed.source].row(pressed), "utf-8")
    ((_, event, rejection),) = outcomes(find_manifest(pressed.source), Input(file=message, mapping="demo"))
    assert rejection is None
    assert event is not None
    assert event.urgency is Urgency.EMERGENCY
    with MemoryHub(CITY, pressed.sent_ms) as hub:
        hub.publish(event)
        hub.run()
        (order,) = hub.orders()
        assert order["department"] == "police_assistance"
        hub.settle(pressed.sent_ms + HOUR_MS)
        assert {each["kind"] for each in hub.records("hub.deadlines")} >= {"WARNED", "BREACHED"}
        assert not hub.records("hub.dead")

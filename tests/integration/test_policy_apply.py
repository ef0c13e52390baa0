"""`cityhub policy apply` on a running hub: new rules decide the next report; a bad folder is refused and changes nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.clock import wall_ms
from hub.declared.problems import DeclarationError
from hub.millis import DAY_MS
from hub.stream.admin.topic_settings import retentions
from tests.integration.small_hub import SmallHub, case_event, own_city, ready, small_settings, wait_for

pytestmark = pytest.mark.kafka


def test_a_running_hub_takes_new_rules_and_refuses_bad_ones(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    city = own_city(tmp_path)
    settings = small_settings(kafka_bootstrap, namespace, tmp_path, city=city)
    hub = SmallHub(settings)
    try:
        wait_for(lambda: ready(settings), "not ready")
        hub.publish(case_event("hotline", "BEFORE", reported_at=wall_ms()))
        hub.settle(lambda report: report.cases == 1)
        routes = city / "routes.yaml"
        good = routes.read_text("utf-8").replace(
            "routes:\n", "routes:\n  - {id: all_bursts, when: {category: [water.burst]}, department: roads}\n", 1
        )
        routes.write_text(good, "utf-8")
        (city / "examples.yaml").write_text("examples: []\n", "utf-8")
        (city / "privacy.yaml").write_text(
            "retention: {dept.*.orders: 12, hub.cases: 500, hub.track.changelog: 3}\n", "utf-8"
        )
        said = hub.type("policy", "apply", "--wait", "120")
        assert said.exit_code == 0, said.output
        names = {settings.topic(name): days for name, days in (("dept.roads.orders", 12), ("hub.cases", 500))}
        assert retentions(settings, names) == {name: days * DAY_MS for name, days in names.items()}
        assert "max.compaction.lag.ms" in said.output
        assert "route 派单规则 all_bursts: new" in said.output
        assert "沿用原规则的在办案件: 0" in said.output
        hub.publish(case_event("police", "AFTER", reported_at=wall_ms(), place={
            "code": None, "grid": None, "lat": 34.0, "lon": 114.53, "crs": "EPSG:4326", "address": None,
        }))  # fmt: skip
        hub.settle(lambda report: report.cases == 2)
        assert "all_bursts" in hub.type("explain", "police:AFTER").output
        assert "all_bursts" not in hub.type("explain", "hotline:BEFORE").output

        routes.write_text(good.replace("department: roads}", "department: nobody}", 1), "utf-8")
        with pytest.raises(DeclarationError, match="nobody"):
            hub.type("policy", "apply", "--wait", "120")
    finally:
        hub.worker.stop()


def test_holidays_that_become_known_move_what_was_due_provisionally(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    city = own_city(tmp_path)
    calendars = city / "calendars.yaml"
    plain = re.sub(r"(holidays|extra_working_days): \[[^]]*]", r"\1: []", calendars.read_text("utf-8"))
    calendars.write_text(plain.replace("  office:\n", "  office:\n    known_until: 2020-01-01\n", 1), "utf-8")
    (city / "examples.yaml").write_text("examples: []\n", "utf-8")
    settings = small_settings(kafka_bootstrap, namespace, tmp_path, city=city)
    hub = SmallHub(settings)
    try:
        wait_for(lambda: ready(settings), "not ready")
        hub.publish(case_event("citymgmt", "B1", reported_at=wall_ms(), category="order.building", urgency="ROUTINE"))
        hub.settle(lambda report: report.cases == 1)
        today = datetime.now(UTC).date()
        week_off = ", ".join((today + timedelta(days=number)).isoformat() for number in range(2, 9))
        known = plain.replace("  office:\n", "  office:\n    known_until: 2099-12-31\n", 1)
        calendars.write_text(known.replace("holidays: []", f"holidays: [{week_off}]", 1), "utf-8")
        said = hub.type("policy", "apply", "--wait", "120")
        assert said.exit_code == 0, said.output
        assert "暂定时限改算的在办案件: 1" in said.output
        wait_for(lambda: bool(hub.json("explain", "citymgmt:B1")["deadlines"]), "the due time moves")
        resolve = [each for each in hub.json("explain", "citymgmt:B1")["deadlines"] if each["clock"] == "resolve"]
        assert [(each["kind"], each["provisional"], each["corrects"]) for each in resolve] == [
            ("CANCELLED", True, False)
        ]
        assert "provisional: holidays not settled yet 暂定" in hub.type("explain", "citymgmt:B1").output
        assert hub.json("reconcile", "--state")["good"]
    finally:
        hub.worker.stop()

"""The alert rules and the dashboard are sound, and each check of them can fail."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from hub import metrics
from hub.declared.document import read_yaml
from ops.checks import queries
from ops.checks.declared import collectors, hub_series, labels_of, process_series
from ops.checks.queries import Query


def test_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """But what promtool says, which takes half a minute: `make test` has it said by the checks, just before."""
    monkeypatch.setattr(queries, "promtool_problems", list)
    assert list(queries.problems()) == []


def test_every_collector_of_the_module_is_declared() -> None:
    registered = {family.name for family in REGISTRY.collect() if family.name.startswith("hub_")}
    assert registered == {family.name for each in collectors() for family in each.collect()}
    assert {"hub_events_in_total", "hub_latency_seconds_bucket", "hub_ready"} <= hub_series().keys()
    assert "process_resident_memory_bytes" in process_series()


def test_labels_are_those_of_the_declaration() -> None:
    assert labels_of(metrics.DEAD_LETTERS) == ("stage", "reason", "source")
    assert labels_of(metrics.LATENCY_SECONDS) == ("agent",)
    assert hub_series()["hub_latency_seconds_bucket"] == {"agent", "le", "job", "instance"}


def test_unknown_metric_and_label_are_found() -> None:
    wrong = [
        Query("a", "rate(hub_event_in_total[5m])", frozenset()),
        Query("b", "sum by (departmnt) (hub_open_cases)", frozenset()),
        Query("c", "sum by (agent) (hub_ready)", frozenset({"source"})),
    ]
    found = list(queries.name_problems(wrong))
    assert [each.split(":")[0] for each in found] == ["a", "b", "c"]
    assert "hub_event_in_total" in found[0]
    assert "departmnt" in found[1]
    assert "source" in found[2]


@pytest.mark.parametrize("expression", ["sum(", "rate(hub_ready)", "hub_ready[$nothing]", "hub_ready +"])
def test_bad_syntax_is_found_and_named(expression: str) -> None:
    found = list(
        queries.syntax_problems([Query("fine", "up", frozenset()), Query("panel 'X' A", expression, frozenset())])
    )
    assert len(found) == 1
    assert "panel 'X' A" in found[0] or "parse" in found[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": {"severity": "loud"}}, "severity"),
        ({"annotations": {"summary": "only English"}}, "summary"),
        ({"annotations": {"description": "只有中文"}}, "description"),
        ({"annotations": {"runbook_url": "ops/runbooks/none.md"}}, "runbook_url"),
    ],
)
def test_an_alert_without_a_way_out_is_found(
    change: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = copy.deepcopy(next(each for each in queries.rules() if "alert" in each))
    for key, value in change.items():
        rule[key] = {**rule[key], **value}
    monkeypatch.setattr(queries, "rules", lambda: [rule])
    found = list(queries.rule_problems())
    assert len(found) == 1
    assert said in found[0]


def test_a_metric_on_no_panel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    less = [panel for panel in queries.panels() if not any("open_cases" in t["expr"] for t in panel.get("targets", ()))]
    monkeypatch.setattr(queries, "panels", lambda: less)
    assert list(queries.dashboard_problems()) == [
        "dashboard: hub_desk_open_cases is on no panel",
        "dashboard: hub_open_cases is on no panel",
        "dashboard: hub_overdue_cases is on no panel",
    ]


def test_a_rule_that_stops_firing_fails_its_unit_test(tmp_path: Path) -> None:
    text = queries.RULES.read_text("utf-8")
    (tmp_path / "rules.yml").write_text(text.replace("difference != 0", "difference > 1000"), "utf-8")
    (tmp_path / "rules_test.yml").write_text((queries.PROMETHEUS / "rules_test.yml").read_text("utf-8"), "utf-8")
    done = queries.promtool("test", "rules", "--run=a difference pages at once", str(tmp_path / "rules_test.yml"))
    assert done.returncode == 1
    assert "HubUnaccounted" in done.stdout + done.stderr


def test_every_alert_is_fired_by_a_unit_test() -> None:
    paths = sorted(queries.PROMETHEUS.glob("*_test.yml"))
    tests = "".join(path.read_text("utf-8") for path in paths)
    fired = {
        alert["alertname"]
        for path in paths
        for test in read_yaml(path)["tests"]
        for alert in test.get("alert_rule_test", ())
        if alert["exp_alerts"]
    }
    fired |= {
        rule["alert"]
        for rule in queries.rules()
        if "alert" in rule and f'ALERTS{{alertname="{rule["alert"]}", alertstate="firing", ' in tests
    }
    assert fired == {rule["alert"] for rule in queries.rules() if "alert" in rule}


def test_every_runbook_is_linked_and_has_its_three_parts() -> None:
    linked = {rule["annotations"]["runbook_url"] for rule in queries.rules() if "alert" in rule}
    there = sorted((queries.ROOT / "ops" / "runbooks").glob("*.md"))
    assert linked == {str(path.relative_to(queries.ROOT)) for path in there}
    for path in there:
        text = path.read_text("utf-8")
        assert [part in text for part in ("**Symptom", "**Look at", "**Do")] == [True] * 3, path


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in queries.panels():
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_the_dashboard_is_provisioned_where_compose_mounts_it() -> None:
    provider = read_yaml(queries.ROOT / "ops/grafana/provisioning/dashboards/cityhub.yml")
    compose = read_yaml(queries.ROOT / "docker-compose.yml")
    mounts = compose["services"]["grafana"]["volumes"]
    assert f"./ops/grafana/dashboards:{provider['providers'][0]['options']['path']}:ro" in mounts
    assert json.loads(queries.DASHBOARD.read_text("utf-8"))["uid"] == "cityhub"

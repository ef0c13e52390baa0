"""A source and a department that come while the hub runs are taken up by both of its workers within seconds, without a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.cli.process.children import Child
from hub.clock import wall_ms
from hub.scrape import fetch
from hub.stream.admin.topics import ensure_topics
from hub.topics import city_events, city_replies
from tests.integration.small_hub import SmallHub, case_event, free_port, own_city, ready, small_settings, wait_for

pytestmark = pytest.mark.kafka


def reads(worker: Child, topic: str) -> bool:
    """Whether it says that it has taken the topic up."""
    worker.must_run()
    return any("taken up" in line and topic in line for line in worker.log.read_text("utf-8").splitlines())


def test_a_source_and_a_department_come_while_the_hub_runs(
    kafka_bootstrap: str, namespace: str, tmp_path: Path
) -> None:
    city = own_city(tmp_path)
    settings = small_settings(kafka_bootstrap, namespace, tmp_path, city=city)
    hub = SmallHub(settings)
    there = settings.model_copy(
        update={"state_dir": tmp_path / "second", "web_port": free_port(), "instance": f"{namespace}second"}
    )
    second = hub.another(there)
    try:
        wait_for(lambda: ready(settings), "not ready")
        wait_for(lambda: ready(there), "the second is not ready")
        # a source of which only one topic is there is not read, and that is seen
        ensure_topics(settings, [city_events("newcomer")])
        hub.publish(case_event("newcomer", "N-1", reported_at=wall_ms()))
        metrics = f"http://{settings.web_host}:{settings.web_port}/metrics"
        unread = 'hub_unread_topic_records{topic="city.newcomer.events"} 1.0'
        wait_for(lambda: unread in (fetch(metrics) or ""), "nobody sees that the topic is not read")
        assert "city.newcomer.events" in hub.type("doctor", "--json").output
        ensure_topics(settings, [city_replies("newcomer")])
        hub.sources.append("newcomer")
        hub.settle(lambda report: report.cases == 1)
        wait_for(lambda: reads(hub.worker, "city.newcomer.events"), "the first does not read it")
        wait_for(lambda: reads(second, "city.newcomer.events"), "the second does not read it")
        # each has one of the two partitions, and there are reports for both
        hub.publish(*(case_event("newcomer", f"B-{n}", reported_at=wall_ms()) for n in range(8)))
        hub.settle(lambda report: report.taken_in[city_events("newcomer").name] == 9)

        departments, routes = city / "departments.yaml", city / "routes.yaml"
        departments.write_text(
            departments.read_text("utf-8") + "  - {id: wardens, name: {en: Wardens, zh: 新}}\n", "utf-8"
        )
        row = "routes:\n  - {id: to_wardens, when: {category: [water.burst]}, department: wardens}\n"
        routes.write_text(routes.read_text("utf-8").replace("routes:\n", row, 1), "utf-8")
        (city / "examples.yaml").write_text("examples: []\n", "utf-8")
        said = hub.type("policy", "apply", "--wait", "120")
        assert said.exit_code == 0, said.output
        assert "wardens: new" in said.output
        hub.publish(case_event("newcomer", "N-2", reported_at=wall_ms(), place={
            "code": None, "grid": None, "lat": 34.0, "lon": 114.53, "crs": "EPSG:4326", "address": None,
        }))  # fmt: skip
        hub.departments.append("wardens")
        hub.settle(lambda report: report.cases == 2)
        told = hub.json("explain", "newcomer:N-2")
        update = {
            "update_id": "U-1", "revision": 0, "department": "wardens", "case_id": told["case_id"], "status": "ACCEPTED",
            "at": wall_ms(), "note": "",
        }  # fmt: skip
        hub.send("dept.wardens.updates", told["case_id"].encode(), hub.codec.encode_one("cityhub.Update", update))
        wait_for(
            lambda: "newcomer" in str(hub.json("explain", "newcomer:N-2")["replies"]), "the source is not answered"
        )
        assert hub.json("reconcile", "--state")["good"]
    finally:
        second.stop()
        hub.worker.stop()

"""A real Prometheus scrapes the hub's metrics, evaluates the real rules and answers every query of the dashboard."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from hub.declared.document import read_yaml
from hub.scrape import fetch
from ops.checks.promql import plain
from ops.checks.queries import PROMETHEUS, RULES, Query, dashboard_queries, rule_queries, rules
from ops.checks.tools import find
from tests.waiting import wait_for, wait_for_value

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
STARTS = 3
"""Tries to start Prometheus: between choosing a free port and binding it, somebody else may have it."""


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    with (
        log.open("w") as errors,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def config(exporter_port: int) -> str:
    """The project's own configuration, with our exporter in the place of all targets and a quicker pace."""
    loaded = read_yaml(PROMETHEUS / "prometheus.yml")
    loaded["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    loaded["rule_files"] = [str(RULES)]
    del loaded["alerting"]
    for job in loaded["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": [f"127.0.0.1:{exporter_port}"]}]
    return yaml.safe_dump(loaded)


class Api:
    """Prometheus' HTTP API."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"

    def ready(self) -> bool:
        return fetch(f"{self._base}/-/ready") is not None

    def get(self, path: str, **query: str) -> Any:
        """The answer's data. Fails the test with Prometheus' own words."""
        answer = httpx2.get(f"{self._base}/api/v1/{path}", params=query, timeout=60, trust_env=False)
        assert answer.is_success, f"{query}: {answer.text}"
        body = answer.json()
        assert body["status"] == "success", body
        return body["data"]

    def values(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("query", query=plain(expression))["result"]
        return found


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("prometheus")
    with running([sys.executable, "-m", "tests.integration.exporter"], folder / "exporter.log") as exporter:
        assert exporter.stdout is not None
        said = exporter.stdout.readline()
        assert said.strip().isdigit(), (folder / "exporter.log").read_text()
        (folder / "prometheus.yml").write_text(config(int(said)), "utf-8")
        for _ in range(STARTS):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            command = [
                str(find("prometheus")),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ]
            with running(command, folder / "prometheus.log") as prometheus:
                api = Api(port)
                if until(lambda api=api, ended=prometheus.poll: api.ready() or ended() is not None) and api.ready():
                    yield api
                    return
        pytest.fail((folder / "prometheus.log").read_text())


def until(holds: Any) -> bool:
    """Wait for something to hold; False when patience ends."""
    with suppress(AssertionError):
        wait_for(holds, "not yet")
        return True
    return False


@pytest.fixture(scope="module")
def panels(api: Api) -> dict[str, tuple[Query, list[dict[str, Any]]]]:
    """What each query of the dashboard gave when it first gave something: a scrape that is late takes its series away again."""
    found: dict[str, tuple[Query, list[dict[str, Any]]]] = {}

    def all_gave() -> bool:
        for query in dashboard_queries():
            if query.place not in found and (series := api.values(query.expression)):
                found[query.place] = query, series
        return found.keys() >= {query.place for query in dashboard_queries()}

    until(all_gave)
    return found


def test_every_panel_has_data(panels: dict[str, Any]) -> None:
    assert [query.place for query in dashboard_queries() if query.place not in panels] == []


def test_every_series_of_a_panel_carries_the_labels_of_its_legend(
    panels: dict[str, tuple[Query, list[dict[str, Any]]]],
) -> None:
    for place, (query, found) in panels.items():
        for series in found:
            assert query.named <= series["metric"].keys(), place


def test_rates_are_numbers(api: Api) -> None:
    def flowing() -> bool:
        found = api.values("sum by (source) (rate(hub_events_in_total{agent='deduplicate'}[1m]))")
        return bool(found) and all(float(series["value"][1]) > 0 for series in found)

    def timed() -> bool:
        latency = api.values("histogram_quantile(0.99, sum by (agent, le) (rate(hub_latency_seconds_bucket[1m])))")
        agents = {series["metric"]["agent"] for series in latency}
        return agents == {"deduplicate", "route", "track"} and all(
            2 < float(series["value"][1]) <= 5 for series in latency
        )

    wait_for(flowing, "nothing flows")
    wait_for(timed, "latencies are not those of the exporter")


def test_the_account_is_even_and_the_panel_says_so(api: Api) -> None:
    panel = next(query for query in dashboard_queries() if "Unaccounted 未对账" in query.place)
    wait_for_value(lambda: [series["value"][1] for series in api.values(panel.expression)], ["0"], "it is not even")


def test_every_rule_is_loaded_and_healthy(api: Api) -> None:
    def loaded() -> list[dict[str, Any]]:
        return [rule for group in api.get("rules")["groups"] for rule in group["rules"]]

    wait_for(lambda: all(rule["health"] != "unknown" for rule in loaded()), "not every rule was evaluated")
    assert [(rule["name"], rule.get("lastError")) for rule in loaded() if rule["health"] != "ok"] == []
    assert len(loaded()) == len(rules())
    for query in rule_queries():
        api.values(query.expression)


def test_a_sound_hub_alarms_nobody(api: Api) -> None:
    wait_for(lambda: api.values("agent:hub_unaccounted_events:difference"), "the account is not there")
    paging = api.get("query", query='ALERTS{alertstate="firing", severity="page"}')["result"]
    assert paging == []

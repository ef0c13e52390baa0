"""docker-compose.yml is sound as far as that can be known without Docker, and each check of it can fail."""

import hashlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hub.declared.document import read_yaml
from hub.sdk.manifest import Quality, discover
from hub.settings import ROOT
from ops.checks.compose import SCHEMA, for_a_city, laid_over, load, problems, settled, usage_problem
from ops.checks.json_schema import Draft202012Validator
from ops.checks.queries import PROMETHEUS
from ops.compose.probe import main as probe

Change = Callable[[dict[str, Any]], Any]


def test_nothing_is_wrong() -> None:
    assert list(problems()) == []


def test_every_service_of_ours_and_every_connector_past_bronze_is_scraped() -> None:
    services = load()["services"]
    jobs = {job["job_name"]: job for job in read_yaml(PROMETHEUS / "prometheus.yml")["scrape_configs"]}
    targets = jobs["connectors"]["static_configs"][0]["targets"]
    for name, manifest in discover().items():
        if manifest.quality is Quality.BRONZE and name not in services:
            continue
        assert name in services, (
            f"add a service {name} to docker-compose.yml and a target to ops/prometheus/prometheus.yml"
        )
        command = services[name]["command"]
        assert command[:4] == ["cityhub", "connector", "run", name]
        assert f"{name}:{command[command.index('--metrics-port') + 1]}" in targets
    web = services["web"]["command"]
    assert jobs["web"]["static_configs"][0]["targets"] == (f"web:{web[web.index('--metrics-port') + 1]}",)
    worker = jobs["worker"]["dns_sd_configs"][0]
    assert worker["names"] == ("worker",)
    assert str(worker["port"]) in services["worker"]["command"]


def _set(*path: str, value: Any) -> Change:
    def change(services: dict[str, Any]) -> None:
        for key in path[:-1]:
            services = services[key]
        services[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda services: services["kafka"].pop("image"), "kafka: needs an image or a build"),
        (_set("kafka", "image", value="apache/kafka:latest"), "names no exact version"),
        (_set("kafka", "image", value="apache/kafka:3.9.0"), "the embedded one"),
        (_set("kafka", "prots", value=[]), "services.kafka: Unevaluated properties are not allowed ('prots'"),
        (_set("kafka", "ports", value=["9092:9092"]), "on loopback"),
        (_set("topics", "build", "dockerfile", value="Dockerfile"), "there is no Dockerfile"),
        (_set("topics", "depends_on", value={"kafak": {"condition": "service_healthy"}}), "which is no service"),
        (_set("grafana", "depends_on", value={"topics": {"condition": "service_healthy"}}), "has no healthcheck"),
        (_set("police", "depends_on", value={"city": {"condition": "service_healthy"}}), "only some profiles"),
        (_set("grafana", "volumes", value=["./ops/grafna:/etc/grafana"]), "not in the project"),
        (_set("grafana", "volumes", value=["grafna:/etc/grafana"]), "which is no volume"),
        (_set("worker", "healthcheck", "test", value=["CMD", "python", "/app/ops/prob.py"]), "not in the project"),
        (
            _set("worker", "healthcheck", "tries", value=3),
            "services.worker.healthcheck: unknown key tries",
        ),
        (
            _set("topics", "depends_on", "kafka", "condition", value="healthy"),
            "condition: 'healthy' is not one of",
        ),
        (_set("worker", "stop_grace_period", value=30), "stop_grace_period: 30 is not of type 'string'"),
        (_set("worker", "restart", value=["always"]), "services.worker.restart:"),
        (_set("kafka", "healthcheck", "retries", value=[]), "services.kafka.healthcheck.retries:"),
        (_set("worker", "environment", value=[1]), "services.worker.environment"),
        (lambda services: services["worker"].pop("healthcheck"), "has no healthcheck"),
        (_set("worker", "environment", "CITYHUB_PARTITONS", value=6), "CITYHUB_PARTITONS is no setting"),
        (_set("worker", "environment", "CITYHUB_CLOCK", value="moon"), "not valid"),
        (_set("worker", "command", value=["cityhub", "worker", "--portt", "1"]), "No such option"),
        (_set("worker", "command", value=["cityhub", "wroker"]), "no command wroker"),
        (_set("police", "command", value=["cityhub", "connector", "run", "police", "--fiel"]), "No such option"),
    ],
)
def test_a_mistake_is_found(change: Change, said: str) -> None:
    compose = load()
    change(compose["services"])
    found = list(problems(compose))
    assert any(said in problem for problem in found), found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set("kafka3", "image", value="apache/kafka:3.9.0"), "kafka3 is apache/kafka:3.9.0, the embedded one"),
        (_set("worker", "secrets", value=[]), "worker: reads /run/secrets/ledger_password, and is not given"),
        (_set("web", "secrets", value=["ledger_pasword"]), "web: is given the secret ledger_pasword, which is none"),
        (
            _set("registry", "depends_on", value={"kafka4": {"condition": "service_healthy"}}),
            "kafka4, which is no service",
        ),
        (_set("postgres", "image", value="postgres:latest"), "names no exact version"),
    ],
)
def test_a_mistake_in_what_is_laid_over_it_is_found(change: Change, said: str) -> None:
    compose = for_a_city()
    assert list(problems(compose)) == []
    change(compose["services"])
    assert any(said in problem for problem in problems(compose)), list(problems(compose))


def test_a_file_laid_over_another_adds_and_replaces_as_compose_does() -> None:
    under = {"services": {"a": {"ports": ["1"], "command": ["x", "y"], "environment": {"A": 1, "B": 2}}}}
    over = {"services": {"a": {"ports": ["1", "2"], "command": ["z"], "environment": {"B": 3}}, "b": {"image": "c"}}}
    assert laid_over(under, over) == {
        "services": {"a": {"ports": ["1", "2"], "command": ["z"], "environment": {"A": 1, "B": 3}}, "b": {"image": "c"}}
    }


def test_a_city_has_three_of_everything_and_tells_the_hub() -> None:
    services = for_a_city()["services"]
    brokers = [name for name, service in services.items() if "KAFKA_NODE_ID" in service.get("environment", {})]
    assert len(brokers) == 3
    for name in brokers:
        environment = services[name]["environment"]
        voters = environment["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")
        assert f"{environment['KAFKA_NODE_ID']}@{name}:9093" in voters
        assert (environment["KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR"], environment["KAFKA_MIN_INSYNC_REPLICAS"]) == (
            3,
            2,
        )
        assert any(volume.endswith(":/var/lib/kafka/data") for volume in services[name]["volumes"])
    told = services["worker"]["environment"]
    assert [each.split(":")[0] for each in told["CITYHUB_BOOTSTRAP_SERVERS"].split(",")] == brokers
    assert told["CITYHUB_REPLICATION_FACTOR"] == "3"


def test_what_is_ours_runs_with_a_read_only_root_and_no_rights() -> None:
    for name, service in load()["services"].items():
        if "build" in service:
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name
    dockerfile = (ROOT / "ops" / "compose" / "Dockerfile").read_text("utf-8")
    last = dockerfile[dockerfile.rindex("FROM ") :]
    assert "\nUSER 10001\n" in last
    assert "pip install" not in last
    assert "--require-hashes" in dockerfile


def test_usage() -> None:
    assert usage_problem(["web", "--port", "6080"]) is None
    assert "No such option" in (usage_problem(["web", "--prot", "6080"]) or "")
    assert usage_problem(["topics", "--create"]) is None
    assert usage_problem([]) == "names no command"


def test_variables_have_defaults() -> None:
    assert settled("127.0.0.1:${KAFKA_PORT:-9092}:9092") == "127.0.0.1:9092:9092"
    assert settled("${HUB_NAMESPACE:-}") == ""


@pytest.fixture
def server() -> Iterator[str]:
    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/well" else 503)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_the_probe_fails_when_one_page_does(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe([f"{server}/well"]) == 0
    assert probe([f"{server}/well", f"{server}/ill"]) == 1
    assert "503" in capsys.readouterr().err
    assert probe(["http://127.0.0.1:9/none"]) == 1


def test_the_schema_is_the_one_its_readme_names() -> None:
    readme = SCHEMA.with_name("README.md").read_text("utf-8")
    assert hashlib.sha256(SCHEMA.read_bytes()).hexdigest() in readme
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text("utf-8")))

"""A whole hub on the guarded Kafka, each part as a user of its own with the rights of `cityhub acl` and no others."""

from __future__ import annotations

import json
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from hub.cli.main import cli
from hub.cli.process.children import Child, environment_of
from hub.cli.terminal.sending import Sender
from hub.errors import FatalError
from hub.policy import load_city
from hub.sdk.manifest import discover
from hub.settings import ROOT, Settings
from hub.stream.admin.rights import Resource, Right, RightOperation, roles
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.kafka.client import client_config, consumer_config
from hub.stream.writing.writer import Output, TransactionWriter
from hub.testing.secure import SecureKafka
from hub.topics import DEADLINES, OWN_SOURCE, ROUTE_CHANGELOG, all_topics, city_events
from hub.web.tokens import TokenKind
from tests.integration.small_hub import case_event, free_port, ready, wait_for
from tests.integration.small_web import bearer, running_web, token, update
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.kafka
DEMO = ROOT / "connectors" / "police" / "fixtures" / "demo.csv"
_SECONDS = PATIENCE_SECONDS


@contextmanager
def as_before() -> Iterator[None]:
    """A connector sees to signals itself, for the life of its process: here that is pytest's."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@dataclass(frozen=True)
class SecureHub:
    """One, and how each of its parts logs in: by a user named for it, in this hub's namespace."""

    kafka: SecureKafka
    namespace: str
    folder: Path

    def user(self, role: str) -> str:
        return self.namespace + role

    def settings(self, role: str | None = None) -> Settings:
        """Of a part, or of the administrator."""
        told: dict[str, Any] = {
            "namespace": self.namespace, "partitions": 2, "state_dir": self.folder, "instance": "one", "chunk_wait_ms": 5,
            "web_port": free_port(),
        }  # fmt: skip
        if role is None:
            return self.kafka.settings(**told)
        password = (self.folder / "passwords" / f"{self.user(role)}.password").read_text()
        return self.kafka.settings(self.user(role), password, **told)

    def type(self, role: str | None, *arguments: str) -> Result:
        """What somebody would type after `cityhub`."""
        environment = environment_of(self.settings(role))
        ours = {name: value for name, value in environment.items() if name.startswith("CITYHUB_")}
        with as_before():
            return CliRunner().invoke(cli, arguments, env=ours, catch_exceptions=False)

    def acl(self, *options: str) -> Result:
        """The administrator's `cityhub acl` with everybody's user named."""
        named = [f"--user={role}={self.user(role)}" for role in self.roles]
        return self.type(None, "acl", *named, *options)

    @property
    def roles(self) -> dict[str, frozenset[Right]]:
        settings = Settings(namespace=self.namespace)
        return roles(settings, list(discover()), list(load_city(settings.city).departments))

    @property
    def topics(self) -> set[str]:
        settings = Settings(namespace=self.namespace)
        declared = all_topics(list(discover()), list(load_city(settings.city).departments))
        return {settings.topic(topic.name) for topic in declared}

    def denials(self) -> list[str]:
        """What Kafka refused to this hub's users."""
        lines = (self.kafka.keys.parent / "kafka.log").read_text().splitlines()
        return [line for line in lines if "is Denied" in line and f"User:{self.namespace}" in line]


@pytest.fixture(scope="module")
def hub(kafka_secure: SecureKafka, tmp_path_factory: pytest.TempPathFactory) -> SecureHub:
    """With the rights granted and the topics made, and nothing running yet."""
    hub = SecureHub(kafka_secure, f"t{uuid.uuid4().hex[:6]}.", tmp_path_factory.mktemp("hub"))
    granted = hub.acl("--apply", "--passwords", str(hub.folder / "passwords"))
    assert granted.exit_code == 0, granted.output
    made = hub.type("operator", "topics", "--create")
    assert made.exit_code == 0, made.output
    return hub


@pytest.fixture(scope="module")
def worker(hub: SecureHub) -> Iterator[Child]:
    settings = hub.settings("worker")
    child = Child("worker", ["worker"], settings, hub.folder / "worker.log")
    try:
        wait_for(lambda: ready(settings) or child.ended(), "not ready")
        yield child
    finally:
        child.stop()


def publish(hub: SecureHub, role: str, event: dict[str, Any]) -> None:
    value = Codec(FileRegistry()).encode_one("cityhub.CaseEvent", event)
    with Sender(hub.settings(role)) as sender:
        sender.send(city_events(event["source"]).name, event["source_ref"].encode(), value)


def settled(hub: SecureHub, worker: Child) -> dict[str, Any]:
    until = time.monotonic() + _SECONDS
    while True:
        worker.must_run()
        said = hub.type("operator", "reconcile", "--json")
        account: dict[str, Any] = json.loads(said.stdout)
        if said.exit_code == 0:
            return account
        assert time.monotonic() < until, f"{said.output}\n{worker.last_words()}\n{hub.denials()[:5]}"


def test_a_whole_hub_lives_on_the_rights_it_is_granted(hub: SecureHub, request: pytest.FixtureRequest) -> None:
    """Rows in, a case, an order, an answer, its receipt, new rules; and Kafka had nothing to refuse."""
    before = len(hub.denials())
    worker: Child = request.getfixturevalue("worker")
    said = hub.type("connector.police", "connector", "run", "police", "--file", str(DEMO), "--json")
    assert said.exit_code == 0, said.output
    publish(hub, "connector.police", case_event("police", "P1"))
    settled(hub, worker)
    story = json.loads(hub.type("web", "explain", "police:P1", "--json").stdout)
    holder = story["orders"][0]["department"]
    answered = hub.type(
        f"department.{holder}",
        "dept",
        "update",
        story["case_id"],
        "--status",
        "accepted",
        "--department",
        holder,
        "--wait",
        "120",
    )
    assert answered.exit_code == 0, answered.output
    applied = hub.type("operator", "policy", "apply", "--wait", "120")
    assert applied.exit_code == 0, applied.output
    for look in (["doctor"], ["state"], ["source", "list"], ["dead", "list"], ["rates"]):
        said = hub.type("operator", *look)
        assert said.exit_code == 0, said.output
    settled(hub, worker)
    assert hub.denials()[before:] == []


def test_the_web_lives_on_its_rights(hub: SecureHub, worker: Child) -> None:
    """An app's report becomes an order, a department answers by HTTP, and the app hears of it: as the user `web` and no other."""
    before, settings = len(hub.denials()), hub.settings("web")
    key = token(settings, "walker", TokenKind.OPEN311)
    said = {"api_key": key, "service_code": "road.pothole", "lat": "34.08", "long": "114.515", "description": "Deep."}
    with running_web(settings, [*discover(), OWN_SOURCE]) as client:

        def shown(ref: str) -> dict[str, Any]:
            worker.must_run()
            answer = client.get(f"/open311/v2/requests/{ref}.json")
            return dict(answer.json()[0]) if answer.status_code == 200 else {}

        wait_for(lambda: client.get("/readyz").status_code == 200, "ready")
        answer = client.post("/open311/v2/requests.json", data=said)
        assert answer.status_code == 200, answer.text
        ref = answer.json()[0]["service_request_id"]
        wait_for(lambda: bool(shown(ref).get("agency_responsible")), "somebody is responsible")
        headers = bearer(settings, "roads")

        def ordered() -> str | None:
            """The case of the report, once its order has come."""
            answer = client.get("/departments/roads/orders?wait=30", headers=headers)
            orders = answer.json()["orders"] if answer.status_code == 200 else []
            mine = [each["order"] for each in orders if (each["order"]["event"] or {}).get("source_ref") == ref]
            return mine[0]["case_id"] if mine else None

        wait_for(ordered, "the order comes")
        said_so = update("U1", ordered() or "")
        wait_for(
            lambda: client.post("/departments/roads/updates", json=said_so, headers=headers).status_code == 202, "taken"
        )
        wait_for(lambda: "accepted" in (shown(ref).get("status_notes") or ""), "the app hears of it")
    assert hub.denials()[before:] == []


def test_a_worker_speaks_to_the_guarded_port_of_kafka_and_to_nobody_else(hub: SecureHub, worker: Child) -> None:
    """That port takes no plaintext. Faust's own client would speak it to localhost:9092 without a word (ops/adr/0020)."""
    port = int(hub.kafka.bootstrap_servers.rpartition(":")[2])
    wait_for(lambda: bool(_spoken_to(worker)), "connected to nobody")
    for _ in range(20):
        assert _spoken_to(worker) <= {("127.0.0.1", port)}
        time.sleep(0.05)  # at any of these moments


def _spoken_to(worker: Child) -> set[tuple[str, int]]:
    """Where the worker has connected to, or tries to."""
    process = psutil.Process(worker.pid)
    served = {each.laddr.port for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
    return {
        (each.raddr.ip, each.raddr.port)
        for each in process.net_connections("tcp")
        if each.raddr and each.laddr.port not in served
    }


ROLES = ["agent.deduplicate", "agent.route", "agent.track", "connector.police", "department.roads", "web"]


@pytest.mark.parametrize("role", ROLES)
def test_what_is_not_granted_is_refused(role: str, hub: SecureHub) -> None:
    settings = hub.settings(role)
    granted = hub.roles[role]
    may = {
        op: {right.name for right in granted if right[:3] == (Resource.TOPIC, right.name, op)} for op in RightOperation
    }
    assert _refused_to_write(settings, hub.topics - may[RightOperation.WRITE]) == hub.topics - may[RightOperation.WRITE]
    assert _refused_to_read(settings, hub.topics - may[RightOperation.READ]) == hub.topics - may[RightOperation.READ]
    assert _refused_group(settings, f"{hub.namespace}of-somebody-else")
    assert _refused_transaction(settings, f"{hub.namespace}of-somebody-else")


def _refused_to_write(settings: Settings, names: set[str]) -> set[str]:
    producer, refused = Producer(client_config(settings, "test") | {"error_cb": lambda _: None}), set()

    def delivered(error: KafkaError | None, message: Any) -> None:
        if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            refused.add(message.topic())

    for name in names:
        producer.produce(name, b"x", partition=0, on_delivery=delivered)
    producer.flush(_SECONDS)
    return refused


def _refused_to_read(settings: Settings, names: set[str]) -> set[str]:
    """Those that are not there for this user, and those that are and give him nothing."""
    consumer = Consumer(consumer_config(settings, "test", f"{settings.namespace}unused") | {"error_cb": lambda _: None})
    until = time.monotonic() + _SECONDS
    try:
        refused = names - consumer.list_topics(timeout=_SECONDS).topics.keys()
        consumer.assign([TopicPartition(name, 0, 0) for name in names - refused])
        while refused != names and time.monotonic() < until:
            for message in consumer.consume(100, 0.2):
                assert message.error() is not None, f"{message.topic()} was read"
                if message.error().code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    refused.add(message.topic())
    finally:
        consumer.close()
    return refused


def _refused_group(settings: Settings, group: str) -> bool:
    consumer = Consumer(consumer_config(settings, "test", group) | {"error_cb": lambda _: None})
    until = time.monotonic() + _SECONDS
    try:
        consumer.subscribe([f"{settings.namespace}hub.cases"])
        while time.monotonic() < until:
            for message in consumer.consume(10, 0.2):
                if message.error() and message.error().code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                    return True
    finally:
        consumer.close()
    return False


def _refused_transaction(settings: Settings, name: str) -> bool:
    producer = Producer(
        client_config(settings, "test") | {"transactional.id": name, "error_cb": lambda _: None, "log_level": 0}
    )
    try:
        producer.init_transactions(_SECONDS)
    except KafkaException as error:
        return bool(error.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    return False


def test_a_right_that_is_lacking_ends_the_agent_and_is_named(hub: SecureHub) -> None:
    """To librdkafka the transaction has failed for no reason at all."""
    settings = hub.settings("agent.route")
    writer = TransactionWriter(settings, "route", settings.topic(ROUTE_CHANGELOG.name))
    member = Consumer(consumer_config(settings, "route", f"{hub.namespace}route"))
    try:
        foreign = Output(settings.topic(DEADLINES.name), 0, [{"key": b"k", "value": b"v"}])
        with pytest.raises(FatalError, match=r"route: publishing to .*hub\.deadlines.*cityhub acl"):
            writer.write([foreign], [], member.consumer_group_metadata())
    finally:
        writer.close()
        member.close()


def test_a_connector_cannot_speak_for_another_source(hub: SecureHub) -> None:
    file = str(ROOT / "connectors" / "hotline" / "fixtures" / "demo.jsonl")
    said = hub.type("connector.police", "connector", "run", "hotline", "--file", file)
    assert said.exit_code == 1
    assert "city.hotline.events" in said.output
    assert "have an administrator grant it: `cityhub acl`" in said.output


def test_nobody_but_an_administrator_grants_rights(hub: SecureHub) -> None:
    with pytest.raises(FatalError, match="lets only its administrators see and grant rights"):
        hub.type("operator", "acl", "--apply")


def test_rights_are_granted_once_told_when_too_many_and_taken_away(hub: SecureHub) -> None:
    who = ["--role", "web", f"--user=web={hub.user('web')}"]
    assert "0 rights lacking" in hub.type(None, "acl", *who, "--apply").output.replace("granted", "lacking")
    beyond = hub.type(
        None, "acl", "--role", "connector.police", f"--user=connector.police={hub.user('web')}", "--apply"
    )
    assert "more than it needs" in beyond.output
    assert "taken away" in hub.type(None, "acl", *who, "--revoke").output
    again = hub.type(None, "acl", *who, "--apply").output
    assert "taken" not in again
    assert "more than" not in again


def test_a_kafka_without_an_authoriser_is_told_so(kafka_bootstrap: str) -> None:
    environment = {"CITYHUB_BOOTSTRAP_SERVERS": kafka_bootstrap}
    result = CliRunner().invoke(cli, ["acl", "--apply"], env=environment)
    assert "lets everybody do everything" in str(result.exception)

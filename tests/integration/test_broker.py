"""The embedded Kafka itself: it serves, keeps what it has, and says what is wrong."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from hub.broker import process, storage
from hub.broker.kafka import EmbeddedKafka
from hub.errors import FatalError
from tests.waiting import PATIENCE_SECONDS, wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
START_SECONDS = 240.0
"""A JVM on a machine that starts others as well."""


def create(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})  # held: its answers end with it
    for done in admin.create_topics([NewTopic(topic, 1)]).values():
        done.result(PATIENCE_SECONDS)


def write(bootstrap: str, topic: str, values: list[bytes], *, commit: bool = True) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic, "message.max.bytes": 10 * 2**20})
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value)
    producer.flush(PATIENCE_SECONDS)
    if commit:
        producer.commit_transaction(PATIENCE_SECONDS)
    else:
        producer.abort_transaction(PATIENCE_SECONDS)


def read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        messages = consumer.consume(count, timeout=PATIENCE_SECONDS)
        assert [message.error() for message in messages] == [None] * count
        return [message.value() for message in messages]
    finally:
        consumer.close()


def wait_for_end(pid: int, folder: Path) -> None:
    wait_for(lambda: not process.runs(pid, str(folder)), "the broker still runs")


def test_transactions_go_round(kafka_bootstrap: str, namespace: str) -> None:
    topic = f"{namespace}events"
    create(kafka_bootstrap, topic)
    write(kafka_bootstrap, topic, [b"aborted"], commit=False)
    write(kafka_bootstrap, topic, [b"one", b"two"])
    assert read(kafka_bootstrap, topic, 2) == [b"one", b"two"]


def test_large_messages_pass_and_topics_are_not_made_by_accident(kafka_bootstrap: str, namespace: str) -> None:
    topic = f"{namespace}large"
    create(kafka_bootstrap, topic)
    write(kafka_bootstrap, topic, [os.urandom(9 * 2**20)])
    # the end of a topic, for who reads committed records, moves some time after the commit is acknowledged
    assert [len(value) for value in read(kafka_bootstrap, topic, 1)] == [9 * 2**20]
    client = AdminClient({"bootstrap.servers": kafka_bootstrap})
    assert f"{namespace}nobody" not in client.list_topics(f"{namespace}other", timeout=PATIENCE_SECONDS).topics
    assert f"{namespace}other" not in client.list_topics(timeout=PATIENCE_SECONDS).topics


def test_one_life_of_a_data_directory(tmp_path: Path) -> None:
    """Start, kill -9, start, stop, start: same port, same data. One test, as each start takes seconds."""
    folder = tmp_path / "数据 of the broker"
    kafka = EmbeddedKafka(folder, start_timeout_seconds=START_SECONDS).start()
    bootstrap = kafka.bootstrap_servers
    create(bootstrap, "t")
    write(bootstrap, "t", [b"before the kill"])
    with pytest.raises(FatalError, match=f"already runs .*process {kafka.pid}"):
        EmbeddedKafka(folder).start()
    assert kafka.pid
    os.kill(kafka.pid, signal.SIGKILL)
    assert kafka.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    assert kafka.pid is None
    kafka.stop()

    with EmbeddedKafka(folder, start_timeout_seconds=START_SECONDS) as again:
        assert again.bootstrap_servers == bootstrap
        write(bootstrap, "t", [b"after the kill"])
        assert again.pid
        pid = again.pid
    assert not process.runs(pid, str(folder))
    assert not (folder / "kafka.pid").exists()

    with (
        socket.create_server(("127.0.0.1", int(bootstrap.rpartition(":")[2]))),
        EmbeddedKafka(folder, start_timeout_seconds=START_SECONDS) as moved,
    ):
        assert moved.bootstrap_servers != bootstrap
        assert read(moved.bootstrap_servers, "t", 2) == [b"before the kill", b"after the kill"]

    (folder / "logs" / "meta.properties").unlink()
    with pytest.raises(FatalError, match="holds messages"):
        EmbeddedKafka(folder).start()


def test_a_half_formatted_directory_starts(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "meta.properties").write_text("version=1\n")
    with EmbeddedKafka(tmp_path, start_timeout_seconds=START_SECONDS) as kafka:
        create(kafka.bootstrap_servers, "t")


def test_a_failing_start_shows_the_log_and_gives_the_directory_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = "process.roles=broker,controller\nnode.id=1\nno.such.thing=1\n"
    monkeypatch.setattr("hub.broker.kafka.server_properties", lambda *_: broken)
    kafka = EmbeddedKafka(tmp_path, start_timeout_seconds=START_SECONDS)
    with pytest.raises(FatalError, match=r"(?s)ended while starting \(exit 1\).*kafka\.log:.*ConfigException"):
        kafka.start()
    assert kafka.pid is None
    other = storage.Storage(tmp_path)
    other.lock()
    other.unlock()


def test_one_that_hangs_is_given_up_and_killed(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path, start_timeout_seconds=0.2)
    with pytest.raises(FatalError, match=r"was not ready after 0.2 s"):
        kafka.start()
    with EmbeddedKafka(tmp_path, start_timeout_seconds=START_SECONDS, stop_timeout_seconds=0.5) as deaf:
        assert deaf.pid
        pid = deaf.pid
        os.kill(pid, signal.SIGSTOP)
    assert not process.runs(pid, str(tmp_path))


def test_a_port_taken_from_the_start_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FatalError, match=f"Port {port} is taken"):
            EmbeddedKafka(tmp_path, port).start()


def test_a_port_taken_under_our_feet_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps({"client": port, "controller": storage.free_port()}))
        real, asked = storage.is_free, list[int]()

        def too_hopeful(asked_port: int) -> bool:
            asked.append(asked_port)
            return real(asked_port) or asked.count(asked_port) == 1

        monkeypatch.setattr(storage, "is_free", too_hopeful)
        with EmbeddedKafka(tmp_path, start_timeout_seconds=START_SECONDS) as kafka:
            assert kafka.bootstrap_servers != f"127.0.0.1:{port}"


OWNER = """
import sys, time
from pathlib import Path
from hub.broker.kafka import EmbeddedKafka
kafka = EmbeddedKafka(Path(sys.argv[1])).start()
print(kafka.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
@pytest.mark.crash
def test_it_dies_with_a_parent_that_is_killed_and_what_both_left_is_no_obstacle(tmp_path: Path) -> None:
    with running([sys.executable, "-c", OWNER, str(tmp_path)]) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert process.runs(pid, str(tmp_path))
        owner.kill()
        owner.wait(PATIENCE_SECONDS)
    wait_for_end(pid, tmp_path)
    assert (tmp_path / "kafka.pid").exists()
    with EmbeddedKafka(tmp_path, start_timeout_seconds=START_SECONDS) as kafka:
        assert kafka.pid != pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_runs_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    command = "from hub.broker.command import broker; broker()"
    with running([sys.executable, "-c", command, "--data-dir", str(tmp_path), "--json"]) as cli:
        assert cli.stdout is not None
        facts = json.loads(cli.stdout.readline())
        assert (
            AdminClient({"bootstrap.servers": facts["bootstrap_servers"]}).list_topics(timeout=PATIENCE_SECONDS).brokers
        )
        cli.send_signal(number)
        assert cli.wait(2 * PATIENCE_SECONDS) == 0
    assert not process.runs(facts["pid"], str(tmp_path))
    assert (tmp_path / "logs" / ".kafka_cleanshutdown").exists()


@contextmanager
def running(argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        try:
            yield child
        finally:
            child.kill()

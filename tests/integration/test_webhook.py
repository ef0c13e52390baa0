"""A department's orders and receipts at its own address, with `cityhub webhook` killed in the middle."""

from __future__ import annotations

import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from standardwebhooks import Webhook

from hub.cli.main import cli
from hub.cli.process.children import environment_of
from hub.cli.terminal.sending import Sender
from hub.clock import wall_ms
from hub.errors import FatalError
from hub.sdk.sinks.reader import DeliveryReader
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.testing.receiver import ReceivedCall, ReceiverAnswer, WebhookReceiver, webhook_receiver
from hub.topics import DEAD, dept_orders, dept_receipts
from tests.integration.small_hub import kill, wait_for
from tests.processes import started
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.kafka
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ORDERS = 40


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Settings:
    settings = Settings(bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=1, state_dir=tmp_path)
    ensure_topics(settings, [dept_orders("roads"), dept_receipts("roads"), DEAD])
    (tmp_path / "secret").write_text(SECRET)
    return settings


def order(number: int, case: str) -> dict[str, Any]:
    return {
        "order_id": f"O-{number}", "kind": "ASSIGN", "case_id": case, "department": "roads", "issued_at": wall_ms(),
        "area": None, "rule": "r", "reason": None, "queue": None, "lead": None, "priority": None, "deadlines": [],
        "event": None,
    }  # fmt: skip


def send(settings: Settings, *orders: dict[str, Any]) -> None:
    codec = Codec(FileRegistry())
    with Sender(settings) as sender:
        for one in orders:
            sender.send(dept_orders("roads").name, one["case_id"].encode(), codec.encode_one("cityhub.Order", one))


@contextmanager
def delivering(settings: Settings, receiver: WebhookReceiver, *options: str) -> Iterator[Any]:
    command = ["webhook", "roads", "--to", receiver.url, "--secret-file", str(settings.state_dir / "secret"),
               "--allow", "127.0.0.0/8", "--allow", "::1", *options]  # fmt: skip
    with started([sys.executable, "-m", "hub.cli.main", *command], env=environment_of(settings)) as process:
        yield process
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def by_case(calls: list[ReceivedCall]) -> dict[str, list[str]]:
    """What was taken, the first time each."""
    found: dict[str, list[str]] = defaultdict(list)
    for event in (call.event for call in calls):
        if event["id"] not in found[event["subject"]]:
            found[event["subject"]].append(event["id"])
    return found


def test_all_arrive_in_order_though_the_receiver_stumbles_and_the_sender_is_killed(settings: Settings) -> None:
    """Every third call is answered 500, one by 429; one order is refused for good and becomes a dead letter."""
    counter = itertools.count(1)

    def answers(call: ReceivedCall) -> ReceiverAnswer:
        number = next(counter)
        if call.event["id"] == "O-7":
            return ReceiverAnswer(422)
        if number == 5:
            return ReceiverAnswer(429, {"Retry-After": "1"})
        return ReceiverAnswer(500) if number % 3 == 0 else ReceiverAnswer()

    orders = [order(number, f"C-{number % 5}") for number in range(ORDERS)]
    with webhook_receiver() as receiver:
        receiver.answers = answers
        with delivering(settings, receiver) as process:
            send(settings, *orders[:20])
            wait_for(lambda: len(receiver.taken()) >= 8, "nothing arrived")
            kill(process.pid)
        send(settings, *orders[20:])
        with delivering(settings, receiver):
            wanted = {f"C-{case}": [f"O-{n}" for n in range(ORDERS) if n % 5 == case and n != 7] for case in range(5)}
            wait_for(lambda: by_case(receiver.taken()) == wanted, "not all arrived, or not in order")
            wait_for(lambda: len(letters(settings)) >= 1, "what was refused was not set aside")
        for call in receiver.taken():
            assert Webhook(SECRET).verify(call.body, dict(call.headers))["id"] == call.headers["webhook-id"]
            assert call.event["data"]["department"] == "roads"
    (letter, *again) = letters(settings)
    assert letter["stage"] == "sink:roads-webhook"
    assert "the receiver answered 422 to O-7" in letter["detail"]
    assert len(again) <= 1  # the killed one may have set it aside before its offset was committed


def letters(settings: Settings) -> list[dict[str, Any]]:
    environment = environment_of(settings)
    said = CliRunner().invoke(cli, ["dead", "list", "--json"], env=environment, catch_exceptions=False)
    return [json.loads(line) for line in said.stdout.splitlines()]


def test_a_receiver_that_is_gone_ends_it_and_nothing_is_lost(settings: Settings) -> None:
    send(settings, order(1, "C-1"))
    with webhook_receiver() as receiver:
        receiver.answers = lambda call: ReceiverAnswer(410)
        with delivering(settings, receiver) as process:
            assert process.wait(PATIENCE_SECONDS) == 1
        assert len(receiver.calls) == 1
        receiver.answers = lambda call: ReceiverAnswer()
        with delivering(settings, receiver):
            wait_for(lambda: by_case(receiver.taken()) == {"C-1": ["O-1"]}, "it did not come again")


def test_who_asks_to_begin_now_gets_nothing_of_before(settings: Settings) -> None:
    send(settings, order(1, "C-1"))
    with webhook_receiver() as receiver:
        with delivering(settings, receiver, "--from-now"):
            number = itertools.count(2)

            def arrives() -> bool:
                send(settings, order(next(number), "C-1"))
                return bool(receiver.taken())

            wait_for(arrives, "nothing arrives")
        assert "O-1" not in by_case(receiver.taken())["C-1"]


def test_its_position_is_moved_to_a_time_and_not_while_it_runs(settings: Settings) -> None:
    topic = settings.topic(dept_orders("roads").name)

    def reader() -> DeliveryReader:
        return DeliveryReader(settings, Codec(FileRegistry()), "roads-webhook", "sink-roads-webhook", [topic])

    send(settings, order(1, "C-1"))
    at_ms = wall_ms() + 1
    wait_for(lambda: wall_ms() > at_ms, "the clock stands")
    send(settings, order(2, "C-1"))
    mover, running = reader(), reader()
    try:
        mover.move(at_ms)
        running.subscribe(lambda lost: None)
        found: list[Any] = []
        wait_for(lambda: bool(found.extend(running.read(10, 0.2)) or found), "nothing is read")
        assert [each.delivery.id for each in found] == ["O-2"]
        with pytest.raises(FatalError, match="it runs somewhere"):
            mover.move(None)
    finally:
        running.close()
        mover.close()

"""What befalls the web while it runs: a broker that is away, departments that come."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from hub.broker.kafka import EmbeddedKafka
from hub.cli.terminal.sending import Sender
from hub.inspect.reading import read_messages, spans
from hub.policy import load_city
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.topics import all_topics, dept_orders, dept_updates, of_department
from hub.web import intake
from hub.web.read import feed
from tests.integration.small_hub import own_city, small_settings, wait_for
from tests.integration.small_web import CODEC, bearer, order, running_web, update

pytestmark = pytest.mark.kafka


def say_order(settings: Settings, department: str, order_id: str) -> None:
    with Sender(settings) as sender:
        sender.send(dept_orders(department).name, b"C", order(department, order_id))


def orders(client: httpx2.Client, department: str, headers: dict[str, str]) -> list[str]:
    """Those that are served; none while it cannot tell."""
    answer = client.get(f"/departments/{department}/orders", headers=headers)
    return [each["order"]["order_id"] for each in answer.json()["orders"]] if answer.status_code == 200 else []


def updates_there(settings: Settings, department: str) -> set[str]:
    batches = read_messages(settings, spans(settings, [dept_updates(department).name]))
    return {CODEC.decode_one(message.value())[1]["update_id"] for batch in batches for message in batch}


def test_a_broker_that_is_away_is_waited_for_and_nothing_is_lost(
    tmp_path: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "ANSWER_SECONDS", 1.0)
    with EmbeddedKafka(tmp_path / "kafka") as kafka:
        settings = small_settings(kafka.bootstrap_servers, namespace, tmp_path)
        ensure_topics(settings, all_topics(["hotline"], load_city(settings.city).departments))
        headers = bearer(settings, "roads")
        with running_web(settings) as client:

            def taken(update_id: str) -> bool:
                answer = client.post("/departments/roads/updates", json=update(update_id), headers=headers)
                assert answer.status_code == 202 or (answer.status_code == 503 and answer.headers["Retry-After"])
                return answer.status_code == 202

            wait_for(lambda: taken("U1"), "taken")
            kafka.stop()
            assert not taken("U2"), "nobody has it"
            assert not taken("U3"), "and nothing piles up"
            kafka.start()
            wait_for(lambda: taken("U2") and taken("U3"), "taken again")
            say_order(settings, "roads", "O-LATER")
            wait_for(lambda: "O-LATER" in orders(client, "roads", headers), "it reads on")
        assert {"U1", "U2", "U3"} <= updates_there(settings, "roads")


def test_a_department_that_comes_while_it_runs_is_served(
    kafka_bootstrap: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_LOOK_SECONDS", 0.2)
    folder = own_city(tmp_path)
    settings = small_settings(kafka_bootstrap, namespace, tmp_path, city=folder)
    ensure_topics(settings, all_topics(["hotline"], load_city(folder).departments))
    headers = bearer(settings, "harbour")
    with running_web(settings) as client:
        wait_for(lambda: client.get("/readyz").status_code == 200, "ready")
        assert client.get("/departments/harbour/orders", headers=headers).status_code == 404
        path = folder / "departments.yaml"
        path.write_text(path.read_text("utf-8") + "  - {id: harbour, name: {en: Harbour, zh: 港务}}\n", "utf-8")
        ensure_topics(settings, of_department("harbour"))
        say_order(settings, "harbour", "O-FIRST")
        wait_for(lambda: orders(client, "harbour", headers) == ["O-FIRST"], "served")
        said = update("U1")
        wait_for(
            lambda: client.post("/departments/harbour/updates", json=said, headers=headers).status_code == 202, "taken"
        )
        wait_for(lambda: client.get("/readyz").status_code == 200, "ready again, or still")
    assert updates_there(settings, "harbour") == {"U1"}

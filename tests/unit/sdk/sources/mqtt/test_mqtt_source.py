"""The source of messages at a real Mosquitto: cut off, started again, with retained, repeated and flapping messages."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hub.broker.guarded.certificates import Authority
from hub.errors import Reason
from hub.sdk.contract import Batch, Context
from hub.sdk.errors import AuthError, ConfigurationError, TransientError
from hub.sdk.sources.mqtt import source as module
from hub.sdk.sources.mqtt.config import MqttConfig
from hub.sdk.sources.mqtt.source import MqttSource
from tests.mosquitto import PATIENCE_SECONDS, Broker, mosquitto

pytestmark = pytest.mark.process

TOPIC = "city/{district}/alarm/{device}"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """One that a test may restart."""
    with mosquitto(tmp_path) as found:
        yield found


@pytest.fixture
def name(namespace: str) -> str:
    return namespace.strip(".")


def source(broker: Broker, name: str, said: list[str] | None = None, **settings: Any) -> MqttSource:
    config = {"host": "127.0.0.1", "port": broker.port, "client_id": name, "topics": [f"{name}/{TOPIC}"], **settings}
    context = Context("alarms", say=(said if said is not None else []).append, batch_items=4)
    return MqttSource(MqttConfig.model_validate(config), context)


def heard(found: MqttSource, count: int, *, ack: bool = True) -> list[Batch]:
    """Batches with so many items in all. AssertionError if they do not come."""
    batches: list[Batch] = []
    until = time.monotonic() + PATIENCE_SECONDS
    while sum(len(batch.items) for batch in batches) < count:
        assert time.monotonic() < until, "it does not come"
        if (batch := found.read(0.2)).items:
            batches.append(batch)
            if ack:
                found.ack(batch)
    return batches


def ids(batches: list[Batch]) -> list[Any]:
    return [(item.values or {}).get("id") for batch in batches for item in batch.items]


def away(found: MqttSource) -> TransientError:
    """What is raised once the connection is gone."""
    with pytest.raises(TransientError) as raised:
        read_in_vain(found)
    return raised.value


def read_in_vain(found: MqttSource) -> None:
    """Until something is raised."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        assert not found.read(0.1).items


def send(broker: Broker, name: str, *numbers: int, device: str = "b1", **also: Any) -> None:
    retain = also.pop("retain", False)
    with broker.device(f"{name}-device") as sender:
        for number in numbers:
            sender.send(f"{name}/city/north/alarm/{device}", json.dumps({"id": number, **also}), retain=retain)


def test_topic_and_payload_are_columns(shared: Broker, name: str) -> None:
    found = source(shared, name)
    found.connect(None)
    send(shared, name, 1, **{"place": {"lat": 1.5}, "topic.device": "forged"})
    values = heard(found, 1)[0].items[0].values
    found.close()
    assert values is not None
    received = values.pop("mqtt.received_at")
    assert received.endswith("+00:00")
    assert values == {
        "id": 1, "place.lat": "1.5", "topic.district": "north", "topic.device": "b1",
        "mqtt.topic": f"{name}/city/north/alarm/b1", "mqtt.retained": False,
    }  # fmt: skip


def test_what_came_while_nobody_was_there_is_heard(shared: Broker, name: str) -> None:
    found = source(shared, name)
    found.connect(None)
    found.close()
    send(shared, name, 1, 2, 3)
    again = source(shared, name)
    again.connect(None)
    assert ids(heard(again, 3)) == [1, 2, 3]
    again.close()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_kafka_has_is_not_heard_again_over_a_new_connection(broker: Broker, name: str, protocol: str) -> None:
    found = source(broker, name, protocol=protocol)
    found.connect(None)
    send(broker, name, 1, 2, 3, 4, 5, 6)
    first, second, *rest = heard(found, 6, ack=False)
    found.ack(first)
    broker.restart()
    away(found)
    for late in (second, *rest):
        found.ack(late)  # Kafka has it, and the broker cannot be told over a connection that is gone
    found.connect(None)
    send(broker, name, 7)
    assert ids(heard(found, 1)) == [7]
    found.close()


def test_what_kafka_does_not_have_is_heard_again(shared: Broker, name: str) -> None:
    found = source(shared, name)
    found.connect(None)
    send(shared, name, 1, 2, 3, 4, 5, 6)
    first, *others = heard(found, 6, ack=False)
    assert others
    found.ack(first)
    found.close()  # with the others in hand
    again = source(shared, name)
    again.connect(None)
    assert ids(heard(again, len(ids(others)))) == ids(others)
    again.close()


def test_a_lost_session_is_said(broker: Broker, name: str, tmp_path: Path) -> None:
    said: list[str] = []
    found = source(broker, name, said)
    found.connect(None)
    assert "knows no session" in said.pop()
    found.close()
    found.connect(None)
    assert not said
    broker.stop()
    (tmp_path / "mosquitto.db").unlink()
    broker.start()
    found.connect(None)
    assert "knows no session" in said.pop()
    found.close()


def test_retained_messages_are_heard_once(shared: Broker, name: str) -> None:
    send(shared, name, 1, retain=True)
    found = source(shared, name, protocol="3.1.1")  # which hands them out at each connection
    found.connect(None)
    (batch,) = heard(found, 1)
    assert (batch.items[0].values or {})["mqtt.retained"] is True
    found.close()
    found.connect(None)
    send(shared, name, 2, retain=True)
    assert ids(heard(found, 1)) == [2]
    found.close()
    found.connect(None)
    send(shared, name, 3)
    assert ids(heard(found, 1)) == [3]
    found.close()


def test_a_retained_message_that_kafka_does_not_have_is_heard_again(shared: Broker, name: str) -> None:
    send(shared, name, 1, retain=True)
    found = source(shared, name)
    found.connect(None)
    assert ids(heard(found, 1, ack=False)) == [1]
    found.close()
    found.connect(None)
    assert ids(heard(found, 1)) == [1]
    found.close()


def test_one_that_is_taken_away_is_no_event(shared: Broker, name: str) -> None:
    found = source(shared, name)
    found.connect(None)
    with shared.device(f"{name}-device") as device:
        device.send(f"{name}/city/north/alarm/b1", b"", retain=True)
    send(shared, name, 2)
    assert ids(heard(found, 1)) == [2]
    found.close()


def test_a_thing_that_flaps_is_heard_once_and_where_it_rests(shared: Broker, name: str) -> None:
    found = source(shared, name, damping={"state": "state", "seconds": 3600, "by": ["topic.device"]})
    found.connect(None)
    for number, state in enumerate(["on", "off", "on", "off"], 1):
        send(shared, name, number, state=state)
    send(shared, name, 5, device="b2", state="off")
    send(shared, name, 6, device="b3")
    assert ids(heard(found, 3)) == [1, 5, 6]
    found.close()
    # what waits is at the broker: killed, it is not lost
    again = source(shared, name, damping={"state": "state", "seconds": 3600})
    again.connect(None)
    assert ids(heard(again, 1)) == [4]
    again.close()


def test_what_cannot_be_used_is_set_aside_and_acknowledged(shared: Broker, name: str) -> None:
    found = source(shared, name, max_payload_bytes=1024)
    found.connect(None)
    with shared.device(f"{name}-device") as device:
        for payload in (b"no json", b"\xff\xfe", b"x" * 2000, b"[]", json.dumps([{"id": 1}, 2])):
            device.send(f"{name}/city/north/alarm/b1", payload)
    items = [item for batch in heard(found, 5) for item in batch.items]
    assert [item.fault.reason if item.fault else None for item in items] == [
        Reason.BAD_ROW, Reason.BAD_ROW, Reason.TOO_LARGE, None, Reason.BAD_ROW,
    ]  # fmt: skip
    assert (len(items[2].raw or b""), items[2].size_bytes) == (1024, 2000)
    found.close()
    again = source(shared, name)
    again.connect(None)
    send(shared, name, 9)
    assert ids(heard(again, 1)) == [9]
    again.close()


def test_a_message_that_nobody_keeps_is_heard_and_said(shared: Broker, name: str) -> None:
    said: list[str] = []
    found = source(shared, name, said)
    found.connect(None)
    said.clear()
    with shared.device(f"{name}-device") as device:
        device.send(f"{name}/city/north/alarm/b1", json.dumps({"id": 1}), qos=0)
        device.send(f"{name}/city/north/alarm/b1", json.dumps({"id": 2}), qos=0)
    assert ids(heard(found, 2)) == [1, 2]
    assert len(said) == 1
    assert "QoS 0" in said[0]
    found.close()


def test_who_is_called_the_same_is_told(shared: Broker, name: str) -> None:
    one, other = source(shared, name), source(shared, name)
    one.connect(None)
    other.connect(None)
    assert f"another client is called {name}" in str(away(one))
    one.close()
    other.close()


def test_nobody_there_is_waited_for(broker: Broker, name: str) -> None:
    broker.stop()
    with pytest.raises(TransientError, match="cannot be reached"):
        source(broker, name).check()


def test_check_leaves_the_edge_at_work_alone(shared: Broker, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = source(shared, name)
    found.connect(None)
    assert "QoS 1" in source(shared, name).check()
    send(shared, name, 1, retain=True)
    monkeypatch.setattr(module, "_SAMPLE_SECONDS", PATIENCE_SECONDS)
    patient = source(shared, name)
    assert ids([Batch(list(patient.sample(1)))]) == [1]
    assert ids(heard(found, 1)) == [1]
    found.close()


PASSWORD = "s3cr3t-by-test"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Authority]]:
    """A broker with TLS, one user, and rights to one topic."""
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority.kept_in(folder)
    server, passwords, rights = authority.issued("mosquitto"), folder / "passwords", folder / "rights"
    salt = b"salt by test"
    kept = (
        base64.b64encode(each).decode() for each in (salt, hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), salt, 101))
    )
    passwords.write_text(f"hub:$7$101${'$'.join(kept)}\n", "utf-8")
    rights.write_text("user hub\ntopic read mine/#\n", "utf-8")
    lines = [
        f"cafile {authority.certificate}", f"certfile {server}", f"keyfile {server}", "allow_anonymous false",
        f"password_file {passwords}", f"acl_file {rights}",
    ]  # fmt: skip
    with mosquitto(folder, lines) as broker:
        yield broker, authority


@pytest.fixture
def own(guarded: tuple[Broker, Authority], name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings that are let in."""
    monkeypatch.setenv("PASSWORD_BY_TEST", PASSWORD)
    _, authority = guarded
    return {
        "user": "hub", "password": "env:PASSWORD_BY_TEST", "tls": {"ca": str(authority.certificate)}, "topics": ["mine/#"],
    }  # fmt: skip


def test_a_guarded_broker_lets_in_who_has_the_password(
    guarded: tuple[Broker, Authority], name: str, own: dict[str, Any]
) -> None:
    found = source(guarded[0], name, **own)
    assert "mine/#" in found.check()
    assert PASSWORD not in f"{found.config!r} {found.system}"


def test_a_wrong_password_is_said(
    guarded: tuple[Broker, Authority], name: str, own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD_BY_TEST", "wrong-by-test")
    for protocol in ("5", "3.1.1"):
        with pytest.raises(AuthError, match="refuses") as raised:
            source(guarded[0], name, **own, protocol=protocol).check()
        assert "wrong-by-test" not in str(raised.value)


def test_an_authority_that_is_not_believed_is_said(
    guarded: tuple[Broker, Authority], name: str, own: dict[str, Any], tmp_path: Path
) -> None:
    other = Authority.kept_in(tmp_path)
    with pytest.raises(ConfigurationError, match="certificate"):
        source(guarded[0], name, **own | {"tls": {"ca": str(other.certificate)}}).check()
    with pytest.raises(ConfigurationError, match="tls"):
        source(guarded[0], name, **own | {"tls": {"ca": str(tmp_path / "nowhere.pem")}}).check()
    with pytest.raises(TransientError):
        source(guarded[0], name, **own | {"tls": None}).check()


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "broker.example", "user": "hub", "password": "env:PASSWORD_BY_TEST"},
        {"password": "env:PASSWORD_BY_TEST"},
        {"topics": ["a/#", "a/{x}"]},
        {"topics": []},
        {"tls": {"key": "/nowhere"}},
        {"client_id": ""},
    ],
)
def test_what_would_leak_or_double_is_refused(wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD_BY_TEST", PASSWORD)
    with pytest.raises(ValidationError) as raised:
        MqttConfig.model_validate({"host": "127.0.0.1", "client_id": "hub", "topics": ["a"], **wrong})
    assert PASSWORD not in str(raised.value)

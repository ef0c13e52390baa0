"""Every kind of sink against the contract; and each rule against a sink that breaks it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.sdk.contract import Config
from hub.sdk.errors import TransientError
from hub.sdk.secrets import Secret
from hub.sdk.sink_contract import (
    Answer,
    Delivery,
    DeliveryBatch,
    DeliveryPlace,
    Never,
    Sink,
    SinkContext,
    SinkPositions,
)
from hub.sdk.sinks.mqtt.sink import MqttSettings, MqttSink
from hub.sdk.sinks.open311.sink import Open311Sink, Open311SinkSettings
from hub.sdk.sinks.webhook.sink import WebhookSettings, WebhookSink
from hub.sdk.streams import Stream
from hub.testing.open311_server import Open311City, refusing
from hub.testing.open311_server import serving as serving_open311
from hub.testing.receiver import ReceiverAnswer as Said
from hub.testing.receiver import webhook_receiver
from hub.testing.sink_conformance import SinkBench, SinkConformance
from hub.testing.sinks import order, reply
from tests.mosquitto import Hearer, mosquitto

pytestmark = pytest.mark.process

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class TestWebhook(SinkConformance):
    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[SinkBench]:
        monkeypatch.setenv("HOOK_SECRET", SECRET)
        with webhook_receiver() as receiver:
            receiver.answers = lambda call: Said(422 if call.event["data"]["rule"] == "poison" else 204)
            settings = {"url": receiver.url, "secret": "env:HOOK_SECRET", "allow": ["127.0.0.0/8", "::1"]}

            @contextmanager
            def away() -> Iterator[None]:
                before, receiver.answers = receiver.answers, lambda call: Said(503)
                yield
                receiver.answers = before

            yield SinkBench(
                make=lambda: WebhookSink(WebhookSettings.model_validate(settings), SinkContext()),
                arrived=lambda: [call.event["id"] for call in receiver.taken()],
                away=away,
                poison=lambda offset: _poison(offset),
                secrets=(SECRET,),
            )


class TestMqtt(SinkConformance):
    @pytest.fixture
    def bench(self, tmp_path: Path, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SinkBench]:
        monkeypatch.setenv("SINK_PASSWORD", "hunter-2-hunter")
        with mosquitto(tmp_path, ["allow_anonymous true", "max_packet_size 4000"]) as broker:
            hearer = Hearer(broker, "orders/#", namespace)
            settings = {
                "host": "127.0.0.1", "port": broker.port, "client_id": "hub", "topic": "orders/{case}", "user": "hub",
                "password": "env:SINK_PASSWORD",
            }  # fmt: skip

            def arrived() -> list[str]:
                return [json.loads(payload)["id"] for _, payload in hearer.heard()]

            @contextmanager
            def away() -> Iterator[None]:
                arrived()
                broker.stop()
                yield
                broker.start()

            def long(offset: int) -> Any:
                made = order(offset, "C-9")
                return type(made)(**{**vars(made), "values": {**made.values, "rule": "x" * 5000}})

            arrived()  # subscribed
            yield SinkBench(
                make=lambda: MqttSink(MqttSettings.model_validate(settings), SinkContext()),
                arrived=arrived,
                away=away,
                poison=long,
                secrets=("hunter-2-hunter",),
            )
            hearer.close()


class TestOpen311(SinkConformance):
    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[SinkBench]:
        monkeypatch.setenv("HOOK_SECRET", SECRET)
        city = Open311City(api_key=SECRET)
        city.refuses = "never"
        ref = city.report()

        def replies(count: int) -> list[Delivery]:
            return [reply(number, f"C-{number % 3}", ref=ref) for number in range(count)]

        @contextmanager
        def away() -> Iterator[None]:
            city.stumbles = [refusing(503)] * 20
            yield
            city.stumbles = []

        with serving_open311(city) as url:
            settings = {"base_url": url, "api_key": "env:HOOK_SECRET", "allow": ["127.0.0.0/8"]}
            context = SinkContext(streams=frozenset({Stream.REPLIES}))
            yield SinkBench(
                make=lambda: Open311Sink(Open311SinkSettings.model_validate(settings), context),
                arrived=lambda: list(city.posted),
                deliveries=replies,
                away=away,
                poison=lambda offset: reply(offset, "C-9", ref="never"),
                secrets=(SECRET,),
            )


def _poison(offset: int) -> Any:
    made = order(offset, "C-9")
    return type(made)(**{**vars(made), "values": {**made.values, "rule": "poison"}})


class System:
    """What sinks in memory write to."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.positions: SinkPositions = {}
        self.topic_ids: dict[DeliveryPlace, str] = {}
        self.here = True

    @contextmanager
    def away(self) -> Iterator[None]:
        self.here = False
        yield
        self.here = True


class Plain(Sink):
    """Keeps the contract."""

    class Config(Config):
        password: Secret

    batch: ClassVar[int] = 3

    def __init__(self, config: Any, context: SinkContext, system: System) -> None:
        super().__init__(config, context)
        self.system = system
        self.connected = False

    def check(self) -> str:
        self.require()
        return "it is there"

    def require(self) -> None:
        if not self.system.here:
            raise TransientError("it is away")

    def connect(self) -> None:
        self.connected = True

    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        self.require()
        assert self.connected
        answers = [Never("no") if each.values["rule"] == "poison" else None for each in batch.deliveries]
        self.system.ids += [each.id for each, no in zip(batch.deliveries, answers, strict=True) if no is None]
        return answers

    def close(self) -> None:
        self.connected = False


class Remembering(Plain):
    remembers: ClassVar[bool] = True

    def positions(self) -> SinkPositions:
        return dict(self.system.positions)

    def topic_ids(self) -> dict[DeliveryPlace, str]:
        return dict(self.system.topic_ids)

    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        self.require()
        answers = [Never("no") if each.values["rule"] == "poison" else None for each in batch.deliveries]
        if any(answers):
            return answers
        self.system.ids += [each.id for each in batch.deliveries]
        self.system.positions |= batch.after
        self.system.topic_ids |= batch.topic_ids
        return None


def bench_of(kind: type[Plain], monkeypatch: pytest.MonkeyPatch) -> SinkBench:
    monkeypatch.setenv("SINK_PASSWORD", "hunter-2-hunter")
    system = System()
    config = kind.Config.model_validate({"password": "env:SINK_PASSWORD"})
    return SinkBench(
        make=lambda: kind(config, SinkContext(), system),
        arrived=lambda: list(system.ids),
        away=system.away,
        poison=_poison,
        secrets=("hunter-2-hunter",),
    )


class TestPlain(SinkConformance):
    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch) -> SinkBench:
        return bench_of(Plain, monkeypatch)


class TestRemembering(SinkConformance):
    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch) -> SinkBench:
        return bench_of(Remembering, monkeypatch)


class Loses(Plain):
    """Says taken, and has kept only the first of a batch."""

    def write(self, batch: DeliveryBatch) -> None:
        super().write(DeliveryBatch(batch.deliveries[:1]))


class Turns(Plain):
    """Hands over what it got before, later."""

    held: ClassVar[list[Any]] = []

    def write(self, batch: DeliveryBatch) -> None:
        self.held[:0] = batch.deliveries
        if len(self.held) >= 7:
            super().write(DeliveryBatch(self.held))


class Renames(Plain):
    """A new id each time."""

    numbers: ClassVar[Iterator[int]] = itertools.count()

    def write(self, batch: DeliveryBatch) -> None:
        self.system.ids += [f"{each.id}-{next(self.numbers)}" for each in batch.deliveries]


class WritesTwice(Remembering):
    """Its position is stored in a second step, which a crash comes before."""

    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        self.system.ids += [each.id for each in batch.deliveries]
        if len(self.system.ids) > 4:
            self.system.positions |= batch.after
        return None


class RunsAhead(Remembering):
    """Its position is ahead of what it has."""

    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        super().write(batch)
        self.system.positions |= {place: offset + 1 for place, offset in batch.after.items()}
        return None


class Invents(Remembering):
    def positions(self) -> SinkPositions:
        return self.system.positions or {DeliveryPlace("dept.roads.orders", 0): 0}


class KeepsTheFormer(Remembering):
    """The id that it got first stays."""

    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        return super().write(replace(batch, topic_ids={**batch.topic_ids, **self.system.topic_ids}))


class RefusesAll(Plain):
    """One bad delivery, and none of the batch is taken."""

    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        if any(super().write(batch) or ()):
            self.system.ids = [each for each in self.system.ids if each not in {one.id for one in batch.deliveries}]
            return [Never("no")] * len(batch.deliveries)
        return None


class Swallows(Plain):
    """Nobody is there, and it says that all was taken."""

    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        return super().write(batch) if self.system.here else None


class Miscounts(Plain):
    def write(self, batch: DeliveryBatch) -> Sequence[Answer] | None:
        return [*(super().write(batch) or []), None]


class ChecksByWriting(Plain):
    def check(self) -> str:
        self.system.ids.append("test")
        return "it takes"


class ClosesOnce(Plain):
    def close(self) -> None:
        assert self.connected


class Tells(Plain):
    def check(self) -> str:
        raise TransientError(f"it does not answer to {self.config.password.get_secret_value()}")


RULES: list[tuple[type[Plain], Callable[..., None]]] = [
    (Loses, SinkConformance.test_all_arrive_in_the_order_of_their_cases),
    (Turns, SinkConformance.test_all_arrive_in_the_order_of_their_cases),
    (Loses, SinkConformance.test_a_crash_behind_any_call_loses_nothing),
    (Renames, SinkConformance.test_a_crash_behind_any_call_loses_nothing),
    (WritesTwice, SinkConformance.test_a_crash_behind_any_call_loses_nothing),
    (RunsAhead, SinkConformance.test_its_positions_cover_what_it_has_and_no_more),
    (Invents, SinkConformance.test_its_positions_cover_what_it_has_and_no_more),
    (KeepsTheFormer, SinkConformance.test_a_topic_made_anew_is_taken_from_its_beginning),
    (RefusesAll, SinkConformance.test_what_is_refused_is_said_of_that_delivery_alone),
    (Swallows, SinkConformance.test_who_is_away_is_told_apart_from_who_refuses),
    (Miscounts, SinkConformance.test_each_delivery_has_its_answer),
    (ChecksByWriting, SinkConformance.test_check_changes_nothing),
    (ClosesOnce, SinkConformance.test_close_may_come_twice_and_first),
    (Tells, SinkConformance.test_no_secret_is_shown),
]


@pytest.mark.parametrize(("kind", "rule"), RULES, ids=[f"{kind.__name__}" for kind, _ in RULES])
def test_each_rule_catches_a_planted_fault(
    kind: type[Plain], rule: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    Turns.held.clear()
    with pytest.raises(AssertionError):
        rule(SinkConformance(), bench_of(kind, monkeypatch))


def test_no_rule_is_without_a_planted_fault() -> None:
    rules = {rule for name, rule in vars(SinkConformance).items() if name.startswith("test_")}
    assert rules == {rule for _, rule in RULES}

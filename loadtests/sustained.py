"""The whole hub with all its agents at a steady rate: latency from arrival to order, memory, CPU; departments answer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from confluent_kafka import Producer

from hub.broker.storage import free_port
from hub.cli.process.children import Child
from hub.errors import FatalError
from hub.model.update import Update, UpdateStatus
from hub.policy import load_city
from hub.scrape import fetch
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.topics import all_topics, dept_orders, dept_updates
from loadtests.feeding import feeder_said, start_feeder
from loadtests.scenario import Sustained
from loadtests.stage import Stage
from loadtests.watch import ProcessTree
from loadtests.witness import Witness

_NAMESPACE = "sustained."
_READY_SECONDS = 90.0
_DRAIN_SECONDS = 60.0
_SAMPLE_SECONDS = 1.0
_ANSWER_LINGER_MS = 500
_SLICES = 40
"""Of the time, for the plot of latencies."""
_LOOK_SECONDS = 0.02
"""It counts as latency: an order is seen at the end of it."""


Beside = Callable[[Settings, tuple[str, ...]], AbstractContextManager[None]]
"""What goes on while events are fed, of a hub with these settings and departments."""


def sustained(
    here: Stage, scenario: Sustained, namespace: str = _NAMESPACE, beside: Beside | None = None
) -> dict[str, Any]:
    """Runs it. Raises FatalError if the hub ends, or an order is missing or doubled."""
    settings, departments = _settings(here, scenario, namespace), tuple(load_city(here.folder / "city").departments)
    ensure_topics(settings, all_topics(discover(), departments))
    workers = [_worker(settings, number) for number in range(scenario.workers)]
    answers = Answers(settings, scenario.answers, scenario.late_answer_seconds)
    witness = Witness(here.cluster.bootstrap, [settings.topic(dept_orders(one).name) for one in departments])
    try:
        for worker, port in workers:
            _until_ready(worker, port)
        with beside(settings, departments) if beside else nullcontext():
            return _feed(here, scenario, namespace, [worker for worker, _ in workers], witness, answers)
    finally:
        for worker, _ in workers:
            worker.stop()
        witness.close()


def _settings(here: Stage, scenario: Sustained, namespace: str) -> Settings:
    return Settings.from_env(
        {f"CITYHUB_{name.upper()}": str(value) for name, value in scenario.settings.items()},
        bootstrap_servers=here.cluster.bootstrap,
        namespace=namespace,
        partitions=12,
        city=here.folder / "city",
        state_dir=here.folder / namespace / "hub",
    )


def _worker(settings: Settings, number: int) -> tuple[Child, int]:
    port = free_port()
    own = settings.model_copy(update={"instance": f"w{number}", "web_port": port})
    return Child(f"worker {number}", ["worker"], own, settings.state_dir / f"worker{number}.log"), port


def _until_ready(worker: Child, port: int) -> None:
    until = time.monotonic() + _READY_SECONDS
    while fetch(f"http://127.0.0.1:{port}/readyz") is None:
        worker.must_run()
        if time.monotonic() > until:
            raise FatalError(f"{worker.name} is not ready after {_READY_SECONDS:.0f} s. {worker.last_words()}")
        time.sleep(0.2)


class Answers:
    """Departments that resolve a share of their cases as soon as they read the order, and the others later: as many cases end
    as begin, so what the hub has to remember does not grow with time."""

    def __init__(self, settings: Settings, share: float, late_seconds: float) -> None:
        self._settings, self._share, self._late_ms = settings, share, int(late_seconds * 1000)
        self._codec = Codec(FileRegistry())
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "partitioner": "murmur2_random",
                # all departments' updates lie in hundreds of partitions, and each batch is a request to the broker
                "linger.ms": _ANSWER_LINGER_MS,
            }
        )
        self._draw = np.random.default_rng(1)
        self._later: deque[tuple[int, dict[str, Any]]] = deque()
        self.sent = 0

    def to(self, assigned: list[dict[str, Any]]) -> None:
        now_ms = time.time_ns() // 1_000_000
        at_once = self._draw.random(len(assigned)) < self._share
        answered = [case for case, chosen in zip(assigned, at_once, strict=True) if chosen]
        self._later += [(now_ms, case) for case, chosen in zip(assigned, at_once, strict=True) if not chosen]
        while self._later and self._later[0][0] <= now_ms - self._late_ms:
            answered.append(self._later.popleft()[1])
        if answered:
            self._resolve(answered, now_ms)

    def _resolve(self, cases: list[dict[str, Any]], now_ms: int) -> None:
        one = Update(
            update_id="-",
            department="none",
            case_id="-",
            status=UpdateStatus.RESOLVED,
            at=now_ms,
            note="Put right. 已处理完毕。",
        )
        columns = {name: [value] * len(cases) for name, value in one.to_avro().items()} | {
            "update_id": [f"U-{case['case_id']}" for case in cases],
            "department": [case["department"] for case in cases],
            "case_id": [case["case_id"] for case in cases],
        }
        for case, value in zip(cases, self._codec.encode_columns("cityhub.Update", columns), strict=True):
            topic = self._settings.topic(dept_updates(case["department"]).name)
            self._producer.produce(topic, value, case["case_id"])
        self._producer.poll(0)
        self.sent += len(cases)


def _feed(
    here: Stage, scenario: Sustained, namespace: str, workers: list[Child], witness: Witness, answers: Answers
) -> dict[str, Any]:
    trees, broker = [ProcessTree(worker.pid) for worker in workers], ProcessTree(here.kafka.pid or 0)
    before = [tree.look()[0] for tree in trees], broker.look()[0]
    feeder = start_feeder(
        here,
        f"{namespace}city.{{source}}.events",
        scenario.rate,
        scenario.seconds,
        scenario.seed,
        late_repeats=scenario.late_repeats,
        linger_ms=scenario.linger_ms,
    )
    task = here.progress.add_task(f"{scenario.rate:,.0f} events/s", total=scenario.seconds)
    began, sampled = time.time(), 0.0
    memory: list[tuple[float, float]] = []
    ended_at: float | None = None
    said: dict[str, Any] = {}
    while True:
        try:
            answers.to(witness.look(_LOOK_SECONDS))
        except BaseException:
            feeder.kill()
            raise
        now = time.time()
        if now - sampled >= _SAMPLE_SECONDS:
            sampled = now
            memory.append((now - began, sum(tree.look()[1] for tree in trees) / 2**20))
            here.progress.update(task, completed=min(now - began, scenario.seconds))
            for worker in workers:
                worker.must_run()
        if ended_at is None and feeder.poll() is not None:
            ended_at = now
            said = feeder_said(feeder)
            cpu = (
                [tree.look()[0] - used for tree, used in zip(trees, before[0], strict=True)],
                broker.look()[0] - before[1],
            )
        if ended_at is not None and (witness.distinct >= said["fresh"] or now - ended_at > _DRAIN_SECONDS):
            break
    here.progress.remove_task(task)
    latency = witness.latencies_ms((began + scenario.warmup_seconds) * 1000)
    missing = said["fresh"] - witness.distinct
    if missing or witness.doubled:
        raise FatalError(f"{scenario.name}: {missing} events without an order, {witness.doubled} with more than one")
    seconds = said["seconds"]
    row = {
        "rate asked": scenario.rate,
        "rate reached": said["records"] / seconds,
        "orders": witness.orders,
        "answers": answers.sent,
        **{f"p{share:g} ms": float(np.percentile(latency, share)) for share in (50, 90, 99, 99.9)},
        "max ms": float(latency.max()),
        "workers' CPU cores": sum(cpu[0]) / seconds,
        "broker's CPU cores": cpu[1] / seconds,
        **_memory(memory, seconds),
        "broker's disk, bytes/event": _log_bytes(here, namespace) / said["records"],
    }
    return {
        "rows": [row],
        "series": {
            "memory": {"x": "seconds", "y": "MiB resident, workers", "lines": {"workers": memory}},
            "latency": {
                "x": "seconds",
                "y": "ms from arrival to order",
                "lines": {
                    f"p{percent}": witness.by_slice(began * 1000, scenario.seconds / _SLICES, percent)
                    for percent in (50, 99)
                },
            },
        },
        "note": f"{scenario.workers} worker process(es) with all three agents, fed for {scenario.seconds:g} s; "
        f"{scenario.answers:.0%} of the cases are resolved by their department as soon as it reads the order, the others "
        f"{scenario.late_answer_seconds:g} s later (its answers are on the disk too). Latency: from the instant an event was "
        "sent to the instant its order could be read (read_committed), "
        f"the first {scenario.warmup_seconds:g} s left out. Every event had exactly one first order.",
    }


def _log_bytes(here: Stage, namespace: str) -> int:
    """What the hub's topics take, its changelogs included; compressed as they are."""
    return sum(
        path.stat().st_size for path in (here.folder / "kafka").rglob("*.log") if path.parent.name.startswith(namespace)
    )


def _memory(samples: list[tuple[float, float]], seconds: float) -> dict[str, float]:
    """MiB after a tenth of the time and at its end, and the slope of the second half."""
    within = [(at, size) for at, size in samples if at <= seconds]
    half = np.array([one for one in within if one[0] >= seconds / 2] or within)
    slope = float(np.polyfit(half[:, 0], half[:, 1], 1)[0]) * 60 if len(half) > 2 else 0.0
    early = next((size for at, size in within if at >= seconds / 10), within[0][1])
    return {"RSS MiB at 10 %": early, "RSS MiB at the end": within[-1][1], "slope MiB/min": slope}

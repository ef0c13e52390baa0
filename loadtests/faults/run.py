"""One run: city, broker, workers; faults one after the other; then the proof. Blocking, with one thread beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.broker.kafka import EmbeddedKafka
from hub.clock import ClockKind
from hub.policy import load_city
from hub.sdk.manifest import discover
from hub.settings import ROOT, Settings
from hub.stream.admin.topics import ensure_topics
from hub.topics import all_topics
from loadtests.faults.city import SPEED, SimulatedCity
from loadtests.faults.crew import Crew
from loadtests.faults.makers import MAKERS, Scene, mend
from loadtests.faults.memory import Memory
from loadtests.faults.plan import SESSION_MS, TRANSACTION_MS, Fault
from loadtests.faults.prove import Proof, prove
from loadtests.faults.timeline import Timeline

NAMESPACE = "faults."
_CITY = ROOT / "ops" / "cities" / "demo"
_BROKER_SECONDS = 240.0
_CALM_SECONDS = 12.0
_FIRST_SECONDS = 180.0
_LATENESS_SECONDS = 2.5 * SPEED
_SAMPLE_SECONDS = 1.0
OnProgress = Callable[[str, int], None]
"""Called with what is going on and how many faults are made."""


@dataclass(frozen=True)
class Outcome:
    """A run that came to its end."""

    made: int
    seconds: float
    proof: Proof
    facts: dict[str, Any]

    @property
    def good(self) -> bool:
        return self.proof.good

    def as_dict(self) -> dict[str, Any]:
        return {"good": self.good, "faults": self.made, "seconds": round(self.seconds, 1), **self.facts} | {
            "proof": self.proof.as_dict()
        }


def play(
    folder: Path,
    wanted: Sequence[Fault],
    *,
    rate: float,
    seed: int,
    timeline: Timeline,
    minutes: float | None = None,
    on_progress: OnProgress = lambda _what, _made: None,
) -> Outcome:
    """Make these faults, all of them or as many as `minutes` allow, while the simulated city writes `rate` rows a second.

    A first Ctrl-C (KeyboardInterrupt) ends the faults, and what was done is proved; another one leaves. Raises FatalError
    if the hub does not come to rest afterwards, or a broker does not start.
    """
    with ExitStack() as stack:
        scene = begin(folder, rate, seed, stack)
        memory = Memory()
        with keeping_up(scene, memory, timeline):
            on_progress("starting 启动", 0)
            scene.crew.await_work(0.0, _FIRST_SECONDS)
            timeline.note("at work", workers=len(scene.crew.members))
            made = _make_all(scene, wanted, timeline, minutes, on_progress)
            began = time.monotonic()
            on_progress("last events 收尾", made)
            scene.city.finish()
            on_progress("draining 收尾", made)
            scene.crew.drain()
        timeline.note("at rest", seconds_to_drain=round(time.monotonic() - began, 1))
        on_progress("proof 对账", made)
        facts = _facts(scene, memory, timeline)
        caught = [tuple(each) for entry in timeline.entries for each in entry.get("caught", ())]
        proof = prove(scene.settings, folder / "kafka" / "logs", scene.city.truth, scene.city.departments.sent, caught)
        timeline.note("proved", proof=proof.as_dict(), **facts)  # on the disk before the end, which takes a while
    return Outcome(made, timeline.seconds, proof, facts)


def settings_for(folder: Path, bootstrap: str) -> Settings:
    """The hub's: small chunks, so that many transactions meet a fault; the shortest timeouts that a stall here survives."""
    return Settings(
        bootstrap_servers=bootstrap,
        namespace=NAMESPACE,
        city=_CITY,
        clock=ClockKind.DATA,
        lateness_seconds=_LATENESS_SECONDS,
        chunk_records=200,
        session_timeout_ms=SESSION_MS,
        transaction_timeout_ms=TRANSACTION_MS,
        state_dir=folder / "state",
        instance="w0",
    )


def begin(folder: Path, rate: float, seed: int, stack: ExitStack) -> Scene:
    """Broker, two workers and the city, all ended with the stack. Events flow at once."""
    kafka = stack.enter_context(EmbeddedKafka(folder / "kafka", start_timeout_seconds=_BROKER_SECONDS))
    settings = settings_for(folder, kafka.bootstrap_servers)
    city = load_city(settings.city)
    ensure_topics(settings, all_topics(list(discover()), list(city.departments)))
    crew = Crew(settings, folder)
    stack.callback(crew.close)
    simulated = SimulatedCity(folder, city, settings, rate, seed)
    stack.callback(simulated.close)
    return Scene(settings, kafka, crew, simulated)


@contextmanager
def keeping_up(scene: Scene, memory: Memory, timeline: Timeline) -> Iterator[None]:
    """A thread that starts again what is gone and looks at memory."""
    over = threading.Event()

    def work() -> None:
        sampled = 0.0
        while not over.wait(0.2):
            scene.crew.keep_up()
            for connector in scene.city.connectors:
                connector.keep_up()
            if timeline.seconds - sampled >= _SAMPLE_SECONDS:
                sampled = timeline.seconds
                processes = [member.worker for member in scene.crew.members] + scene.city.connectors
                memory.look(sampled, processes, broker_away=scene.broker_away.is_set())

    thread = threading.Thread(target=work, name="supervisor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _make_all(
    scene: Scene, wanted: Sequence[Fault], timeline: Timeline, minutes: float | None, on_progress: OnProgress
) -> int:
    """How many were made."""
    until = None if minutes is None else time.monotonic() + 60 * minutes
    made = 0
    try:
        for fault in wanted:
            if until is not None and time.monotonic() > until:
                timeline.note("out of time", made=made)
                break
            on_progress(fault.kind, made)
            began = timeline.seconds
            facts = MAKERS[fault.kind](scene, fault)
            made += 1
            timeline.note(
                fault.kind, number=fault.number, began=began, lasts=round(fault.seconds, 2), **facts,
                workers=len(scene.crew.members),
            )  # fmt: skip
            time.sleep(fault.wait_seconds)
            if fault.calm:
                scene.crew.await_work(scene.crew.work_done(), _CALM_SECONDS)
    except KeyboardInterrupt:
        timeline.note("interrupted", made=made)
        mend(scene)
    return made


def _facts(scene: Scene, memory: Memory, timeline: Timeline) -> dict[str, Any]:
    crew, city = scene.crew, scene.city
    processes = [*(member.worker for member in crew.members), *city.connectors]
    kinds = [entry["what"] for entry in timeline.entries if "number" in entry]
    return {
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "rows_written": sum(city.truth.rows.values()),
        "assignments": crew.rebalances(),
        "workers_stopped_in_order": crew.left,
        "starts": {process.name: process.starts for process in processes},
        "ends_of_their_own": {process.name: dict(process.ends) for process in processes if process.ends},
        "memory": memory.as_dict(),
        "disk": city.disk.how,
    }

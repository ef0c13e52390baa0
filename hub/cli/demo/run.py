"""One run of the demo: starts everything, plays, waits until all is dealt with, and judges."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from hub.audit import AuditReport, audit
from hub.broker.kafka import EmbeddedKafka
from hub.broker.progress import show_progress
from hub.broker.storage import free_port
from hub.cli.demo.board import DemoBoard
from hub.cli.demo.calm import Calm
from hub.cli.demo.scenes import RealFiles, ShownScenes, SimulatedDay
from hub.cli.demo.verdict import (
    CountCheck,
    account_table,
    as_json,
    compare_counts,
    final_receipts,
    score_links,
    truth_table,
)
from hub.cli.demo.view import Snapshot, View, what_latency_is
from hub.cli.demo.witness import DeadLetters, SeenCases, read_cases
from hub.cli.process.children import Child
from hub.errors import FatalError
from hub.policy.city import City
from hub.policy.loader import load_city
from hub.scrape import Metrics, fetch, scrape
from hub.settings import ROOT, Settings
from hub.simulator.command import START_TIME, start_ms
from hub.simulator.generate import Plan
from hub.simulator.scene import SYSTEMS, scene_of
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import OWN_SOURCE, all_topics

_MINUTES = 0.85
_FOREVER_MINUTES = 24.0
"""A simulated minute a second: orders reach departments within the minute, and the board can be followed."""
_REPLAY_MINUTES = 2.0
_PARTITIONS = 2
"""Enough for one machine. A transaction is closed in every partition it wrote to: with six, orders took four times as long."""
_TICK_SECONDS = 0.5
_LINE_EVERY_SECONDS = 5.0
_READY_SECONDS = 180.0
"""As long as the broker may take: a minute was too short on a machine with much else to do. One that ends is noticed at once."""
_EXPLAIN_SECONDS = 30.0
_SHORT_MINUTES = 3.0
"""A broker that lives no longer is gone before its best code is compiled: a quarter of its processor time went there."""


@dataclass(frozen=True)
class DemoReport:
    """What is left when the show is over."""

    good: bool
    facts: dict[str, Any]


class DemoRun:
    """One run, from the broker's start to the verdict. What it starts, `stack` stops, last first."""

    def __init__(
        self,
        console: Console,
        folder: Path,
        stack: ExitStack,
        seed: int,
        minutes: float | None,
        rate: int,
        forever: bool,
        kept: bool,
    ) -> None:
        self._console, self._folder, self._stack = console, folder, stack
        self._forever, self._kept = forever, kept
        self._began = time.monotonic()
        data = os.environ.get("CITYHUB_DATA")
        replay = ROOT / "ops" / "cities" / "replay" if data else None
        self._city = load_city(Settings.from_env(city=replay).city)
        self._show: ShownScenes = (
            RealFiles(Path(data), minutes or _REPLAY_MINUTES) if data else self._simulated(seed, minutes, rate)
        )
        self._settings = self._start_kafka(short=is_short(minutes, real=data is not None, forever=forever))
        self._codec = Codec(make_registry(self._settings))
        ensure_topics(self._settings, self._city.kept(all_topics((*SYSTEMS, OWN_SOURCE), self._city.departments)))
        self._dead = DeadLetters(self._settings, self._codec)
        stack.callback(self._dead.close)
        self._view = View(_title(self._city), SYSTEMS, list(self._city.departments), self._city.time_zone)
        self._web = f"http://{self._settings.web_host}:{self._settings.web_port}"
        self._shown = Snapshot(Metrics(), 0.0)
        self._answered = False

    def run(self) -> DemoReport:
        board = DemoBoard(self._settings, self._stack)
        worker = self._start_worker()
        board.announce(self._console)
        self._stack.callback(self._show.stop)
        opened = time.monotonic()
        self._show.start(self._settings)
        if self._show.wires is not None:
            for line in (self._show.wires.description, *self._show.wires.missing):
                self._console.print(line, soft_wrap=True, highlight=False)
        with self._watching(opened) as look:
            self._play((worker, board), look)
            self._settle(worker, look, "draining 收尾")
            if self._show.departments is not None:
                self._show.departments.stop()
                self._settle(worker, look, "last receipts 最后回执", self._all_told)
        self._console.print("Reconciling 对账 …")
        account = audit(self._settings, list(SYSTEMS), list(self._city.departments))
        cases = read_cases(self._settings, self._codec)
        report = self._judge(account, cases, time.monotonic() - opened)
        for each in (*self._show.to_explain, cases.worth_explaining()):
            if each is not None:
                self._explain(each)
        self._tell_the_way_on()
        return report

    # -- beginning -----------------------------------------------------------------------------------------------------

    def _simulated(self, seed: int, minutes: float | None, rate: int) -> SimulatedDay:
        plan = Plan(start_ms(self._city, START_TIME), seed, None if self._forever else 1.0, rate)
        departments = list(self._city.departments)
        try:
            scene = scene_of(self._city)
        except ValueError as error:
            raise FatalError(f"{self._city.folder} cannot be simulated: {error}") from error
        a_day = minutes or (_FOREVER_MINUTES if self._forever else _MINUTES)
        return SimulatedDay(self._folder / "files", plan, scene, departments, 1440 / a_day)

    def _start_kafka(self, *, short: bool) -> Settings:
        with show_progress(self._console) as on_progress:
            kafka = self._stack.enter_context(
                EmbeddedKafka(self._folder / "kafka", on_progress=on_progress, short_lived=short)
            )
        settings = Settings.from_env(
            state_dir=self._folder / "state",
            instance="demo",
            web_port=free_port(),
            partitions=os.environ.get("CITYHUB_PARTITIONS", _PARTITIONS),
            city=self._city.folder,
            **self._show.hub_settings(),
        ).on_this_machine(kafka.bootstrap_servers)
        self._console.print(f"Kafka is up on {settings.bootstrap_servers} after {time.monotonic() - self._began:.1f} s")
        return settings

    def _start_worker(self) -> Child:
        worker = Child("worker", ["worker"], self._settings, self._settings.state_dir / "logs" / "worker.log")
        self._stack.callback(worker.stop)
        until = time.monotonic() + _READY_SECONDS
        while fetch(f"{self._web}/readyz") is None:
            worker.must_run()
            if time.monotonic() > until:
                raise FatalError(f"the worker was not ready after {_READY_SECONDS:.0f} s. {worker.last_words()}")
            time.sleep(0.1)
        self._console.print(f"The worker serves {self._web}/metrics after {time.monotonic() - self._began:.1f} s")
        return worker

    # -- middle --------------------------------------------------------------------------------------------------------

    def _play(self, children: Sequence[Child | DemoBoard], look: Callable[[str], None]) -> None:
        try:
            while not self._show.over:
                for child in children:
                    child.must_run()
                self._show.step()
                look("")
                time.sleep(_TICK_SECONDS)
        except KeyboardInterrupt:
            if not self._forever:
                raise
            self._show.end()
            self._play(children, look)

    def _settle(
        self, worker: Child, look: Callable[[str], None], note: str, also: Callable[[], bool] = lambda: True
    ) -> None:
        """Until nothing is left to read, nothing has moved for a while, and `also` holds or is not to be hoped for.

        A worker that does not answer may be at work. Raises FatalError when one that has work makes no progress.
        """
        calm = Calm(time.monotonic())
        while True:
            worker.must_run()
            look(note)
            now, outcomes = time.monotonic(), self._outcomes()
            busy = self._shown.lag > 0 or not self._answered
            if calm.at_rest(now, outcomes, busy=busy, complete=also()):
                return
            if calm.stuck(now):
                raise FatalError(
                    f"the worker has {self._shown.lag} records left and makes no progress. {worker.last_words()}"
                )
            time.sleep(_TICK_SECONDS)

    def _outcomes(self) -> float:
        """What was done: decided by the hub, and brought to who is called."""
        wires = self._show.wires
        return self._shown.metrics.total("hub_outcomes_total") + (0 if wires is None else wires.calls.taken)

    def _all_told(self) -> bool:
        """Every order was brought to who is called, and every update has its receipt. One of a case that does not exist, or may not
        be, is given up only after some seconds."""
        departments, wires = self._show.departments, self._show.wires
        if departments is None:
            return True
        if wires is not None and int.__gt__(*wires.called(departments.orders)):
            return False
        return final_receipts(self._shown.metrics.by("outcome", "hub_receipts_total")) >= departments.sent.total()

    @contextmanager
    def _watching(self, opened: float) -> Iterator[Callable[[str], None]]:
        """A function that looks at the worker and shows what it sees."""
        live: Live | None = None
        if self._console.is_terminal:
            live = self._stack.enter_context(Live(console=self._console, refresh_per_second=4))
        last_line = -_LINE_EVERY_SECONDS

        def look(note: str) -> None:
            nonlocal last_line
            self._dead.poll()
            seconds = time.monotonic() - opened
            metrics = scrape(f"{self._web}/metrics")
            self._answered = metrics is not None
            if metrics is None:
                metrics, note = self._shown.metrics, f"{note} (the worker is too busy to answer)".strip()
            self._shown = Snapshot(metrics, seconds, self._show.now_ms(), self._dead.counts.total(), note)
            if live is not None:
                live.update(self._view.tables(self._shown))
            elif seconds - last_line >= _LINE_EVERY_SECONDS:
                last_line = seconds
                self._console.print(self._view.line(self._shown), soft_wrap=True, highlight=False)

        yield look
        if live is not None:
            live.stop()
        else:
            self._console.print(self._view.line(self._shown), soft_wrap=True, highlight=False)

    # -- end -----------------------------------------------------------------------------------------------------------

    def _judge(self, account: AuditReport, cases: SeenCases, seconds: float) -> DemoReport:
        shot, show = self._shown, self._show
        self._console.print(account_table(account))
        if latency := what_latency_is(shot, os.cpu_count() or 1):
            self._console.print(latency, soft_wrap=True, highlight=False)
        facts: dict[str, Any] = {
            "unaccounted": account.unaccounted,
            "audit": account.as_dict(),
            "events": dict(shot.taken_in()),
            "cases": len(cases.lead),
            "links": sum(map(len, cases.linked.values())),
            "breaches": shot.breaches,
            "dead": {f"{stage}/{reason}": count for (stage, reason), count in self._dead.counts.items()},
            "latency_p50_seconds": shot.metrics.quantile(0.5, "hub_latency_seconds", agent="route"),
            "latency_p99_seconds": shot.metrics.quantile(0.99, "hub_latency_seconds", agent="route"),
            "show_seconds": round(seconds, 1),
        }
        checks: list[CountCheck] = []
        if show.truth is not None and show.departments is not None:
            checks = compare_counts(
                show.truth,
                taken_in=shot.taken_in(),
                repeats=shot.metrics.by("source", "hub_repeats_total"),
                receipts=shot.metrics.by("outcome", "hub_receipts_total"),
                dead=self._dead.counts,
                sent=show.departments.sent,
                sent_twice=show.departments.repeats,
                strays=show.departments.strays,
            )
            if show.wires is not None:
                ordered, called = show.wires.called(show.departments.orders)
                checks.append(
                    CountCheck(f"orders of {show.wires.calls.department}, by webhook 推送指令", ordered, called)
                )
            links = score_links(show.truth, cases)
            self._console.print(truth_table(checks, links))
            facts["truth"] = as_json(checks, links)
        facts["seconds"] = round(time.monotonic() - self._began, 1)
        self._console.print(
            f"{shot.taken_in().total():,} records in, {len(cases.lead):,} cases, {shot.breaches:,} breaches;"
            f" {facts['seconds']} s from start to verdict.",
            highlight=False,
        )
        return DemoReport(account.good and all(check.good for check in checks), facts)

    def _explain(self, what: str) -> None:
        """One case's story, told while the broker still has it, and the command that tells it. `what`: a case, or a report."""
        log = self._settings.state_dir / "logs" / f"explain-{what.replace(':', '-')}.log"  # a log is added to
        story = Child("explain", ["explain", what], self._settings, log)
        self._stack.callback(story.stop)
        with suppress(TimeoutError):  # the machine is busy; what can be shown of the demo was shown
            story.wait(_EXPLAIN_SECONDS)
        self._console.print(Text(f"\n$ cityhub explain {what}", "bold"))
        if story.code == 0:
            self._console.print(log.read_text("utf-8"), markup=False, highlight=False, soft_wrap=True)
        else:
            self._console.print(f"(it could not be told; {log} says why)", soft_wrap=True)

    def _tell_the_way_on(self) -> None:
        """Where to look next."""
        if self._kept:
            port = self._settings.bootstrap_servers
            self._console.print(
                f"To look further: cityhub broker --data-dir {self._folder / 'kafka'} and, beside it, cityhub explain CASE"
                f" with CITYHUB_BOOTSTRAP_SERVERS={port}",
                soft_wrap=True,
            )
        else:
            self._console.print("To look further yourself, keep the data: cityhub demo --keep FOLDER", soft_wrap=True)


def is_short(minutes: float | None, *, real: bool, forever: bool) -> bool:
    """True if a simulated day of so many minutes (None: the default) is soon over. Real files are many records, worth good code."""
    return not (real or forever) and (minutes or _MINUTES) <= _SHORT_MINUTES


def _title(city: City) -> str:
    return f"{city.name.zh} {city.name.en}"

"""A connector from file to Kafka: the way by rows and the way by columns in turn, on one broker and the same file."""

from __future__ import annotations

import gc
import statistics
import time
import uuid
from pathlib import Path
from typing import Any

from hub.model.admitted import DeadLetter
from hub.model.event import CaseEvent
from hub.sdk.manifest import find_manifest
from hub.sdk.publishing.publisher import KafkaPublisher, Publisher
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import RunnerOptions, run_source
from hub.sdk.sources.file.join import Input
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.testing.files import POLICE_COLUMNS, START_MS, csv_text, police_row
from hub.topics import DEAD, city_events
from loadtests.scenario import Connector
from loadtests.stage import Stage

_AT_A_TIME = 50_000


class _ByRows:
    """A publisher that takes one event at a time only, so that the runner maps by rows."""

    def __init__(self, inner: KafkaPublisher) -> None:
        self._inner = inner

    def send(self, event: CaseEvent) -> None:
        self._inner.send(event)

    def set_aside(self, letter: DeadLetter) -> None:
        self._inner.set_aside(letter)

    def poll(self) -> None:
        self._inner.poll()

    def flush(self) -> None:
        self._inner.flush()


def connector(here: Stage, scenario: Connector) -> dict[str, Any]:
    """Rows a second of CPU time of this process (with the client's own threads), and of the clock; a position's bytes."""
    file = _file(here.folder / "calls.csv", scenario.records)
    runs: dict[str, list[dict[str, float]]] = {"by rows": [], "by columns": []}
    for _ in range(scenario.rounds):
        for way, found in runs.items():
            found.append(_run(here, file, scenario.records, by_rows=way == "by rows"))
            here.say(f"{way}: {found[-1]['rows/CPU s']:,.0f} rows a CPU second")
    names = list(runs["by rows"][0])
    rows = [
        {"way": way} | {name: statistics.median(run[name] for run in found) for name in names}
        for way, found in runs.items()
    ]
    note = (
        f"{scenario.records:,} rows of the police demo's CSV to a topic, acknowledged, positions stored on the way; median of "
        f"{scenario.rounds} rounds in turn. CPU time is of the connector's whole process, its Kafka client with it, without the "
        "broker."
    )
    if scenario.long_records:
        long = _file(here.folder / "long.csv", scenario.long_records)
        size = _run(here, long, scenario.long_records, by_rows=False)["position bytes"]
        note += f" After {scenario.long_records:,} rows the stored position has {size:.0f} bytes."
    return {"rows": rows, "runs": runs, "note": note}


def _run(here: Stage, file: Path, records: int, *, by_rows: bool) -> dict[str, float]:
    namespace = f"load-{uuid.uuid4().hex[:8]}-"
    settings = Settings(
        bootstrap_servers=here.cluster.bootstrap, namespace=namespace, state_dir=here.folder / namespace, partitions=12
    )
    ensure_topics(settings, [city_events("police"), DEAD])
    inner = KafkaPublisher(settings, "police")
    publisher: Publisher = _ByRows(inner) if by_rows else inner
    gc.collect()
    cpu, clock = time.process_time(), time.monotonic()
    summary = run_source(
        find_manifest("police"), [Input(file=file, mapping="demo")], settings, RunnerOptions(), publisher
    )
    cpu, clock = time.process_time() - cpu, time.monotonic() - clock
    assert summary.published == records, summary
    (stored,) = (settings.state_dir / "cursors").glob("*.json")
    assert PositionFile(stored).load() is not None
    return {
        "rows/CPU s": records / cpu,
        "µs/row": cpu / records * 1e6,
        "rows/s": records / clock,
        "position bytes": float(stored.stat().st_size),
    }


def _file(path: Path, records: int) -> Path:
    """Calls each of which is opened once, with all that such a row has."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for first in range(0, records, _AT_A_TIME):
            numbers = range(first, min(records, first + _AT_A_TIME))
            text = csv_text(POLICE_COLUMNS, (_row(number) for number in numbers))
            file.write(text if not first else text.partition("\n")[2])
    return path


def _row(number: int) -> list[str]:
    return police_row(
        number % 10, JJDBH=f"JJ{number:08d}", BJSJ=START_MS + number * 1000, AFDD=f"人民路{number % 997}号",
        BJNR=f"第{number}次 statement: two cars, nobody is hurt, one lane is closed",
    )  # fmt: skip

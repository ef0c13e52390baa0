"""A source that is called, and does not ask: each of its batches is acknowledged at once, within the trace of its call."""

import contextvars
from pathlib import Path

from hub.model.outputs import DeadLetter
from hub.sdk.contract import Batch, Config, Context, Item, Position, Source
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions
from hub.sdk.running.status import Board
from hub.testing.source_suite import MemoryPublisher
from hub.traces import CALLER, TraceContext

POLICE = find_manifest("police")


class _Caller(Source):
    """Ten batches, each of which somebody waits for."""

    remembers = True
    awaited = True

    def __init__(self, context: Context) -> None:
        super().__init__(Config(), context)
        self.happened: list[str] = []

    def check(self) -> str:
        return "ten calls"

    def connect(self, position: Position | None) -> None:
        assert position is None

    def read(self, timeout_seconds: float) -> Batch:
        self.happened.append("read")
        count = self.happened.count("read")
        caller = TraceContext(str(count), "") if count % 2 else None
        return Batch([Item({"no": count}, "call", count, caller=caller)], last=count == 10)

    def ack(self, batch: Batch) -> None:
        self.happened.append("ack")

    def close(self) -> None:
        pass


def test_what_is_published_is_within_the_trace_of_its_call(tmp_path: Path) -> None:
    callers: list[TraceContext | None] = []

    class Noting(MemoryPublisher):
        def set_aside(self, letter: DeadLetter) -> None:
            callers.append(CALLER.get())
            super().set_aside(letter)

    intake, position = MappingSet(POLICE), PositionFile(tmp_path / "none.json")
    source = _Caller(Context("police", intake.outcome, intake.mapping))
    contextvars.copy_context().run(
        Run(source, intake, position, RunnerOptions(), Noting(), Board("police", "police", None)).run
    )
    assert [each and each.trace for each in callers] == ["1", None, "3", None, "5", None, "7", None, "9", None]


def test_what_somebody_waits_for_is_acknowledged_behind_each_batch(tmp_path: Path) -> None:
    intake = MappingSet(POLICE)
    source, position = _Caller(Context("police", intake.outcome, intake.mapping)), PositionFile(tmp_path / "none.json")
    Run(source, intake, position, RunnerOptions(), MemoryPublisher(), Board("police", "police", None)).run()
    assert source.happened == ["read", "ack"] * 10
    assert not position.path.exists(), "the system remembers by itself"

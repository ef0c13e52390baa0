"""What stands around the agents while they are measured alone: departments and stopwatch."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import pyarrow.compute as pc

from hub.model.update import Update, UpdateStatus
from hub.stream.avro.codec import Codec
from hub.stream.outlet import Transaction
from hub.testing.memory import SetClock
from hub.topics import dept_updates
from loadtests.job.events import number_of

STEPS = ("decode", "encode", "changelog", "rest")
_CODEC = {"decode_many": "decode", "nested_bodies": "decode", "encode_columns": "encode", "encode_before": "encode"}


class Stopwatch:
    """CPU seconds of this process by agent and step. What is not in a named step is the rest."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], float] = defaultdict(float)
        self.agent = ""
        self._named = 0.0

    def on_codec(self, codec: Codec) -> Codec:
        """The same codec, timed."""
        for name, step in _CODEC.items():
            setattr(codec, name, self._around(step, getattr(codec, name)))
        return codec

    @contextmanager
    def on_changelogs(self) -> Iterator[None]:
        timed = self._around("changelog", Transaction._remember)
        with mock.patch.object(Transaction, "_remember", lambda tx: timed(tx)):
            yield

    def _around(self, step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            try:
                return work(*args, **kwargs)
            finally:
                spent = time.process_time() - began
                self.seconds[self.agent, step] += spent
                self._named += spent

        return timed

    @contextmanager
    def on_agent(self, agent: str) -> Iterator[None]:
        self.agent, self._named, began = agent, 0.0, time.process_time()
        yield
        self.seconds[agent, "rest"] += time.process_time() - began - self._named


class Departments:
    """Read the orders, count which events they are of, and resolve a share of those that are dispatched to them."""

    def __init__(self, codec: Codec, share: float, now: SetClock) -> None:
        self._codec, self._share, self._now = codec, share, now
        self._draw = np.random.default_rng(1)
        self._seen: set[int] = set()
        self._assigned: dict[str, list[str]] = defaultdict(list)
        self.ordered = self.answered = 0

    @property
    def distinct(self) -> int:
        """Events of which an order was read."""
        return len(self._seen)

    def read(self, values: Sequence[bytes]) -> None:
        batch = self._codec.decode_many("cityhub.Order", values).batch
        kind = batch.column("kind")
        first = batch.filter(pc.is_in(kind.cast("string"), pc.cast(["ASSIGN", "LINK"], "string")))
        refs = first.column("event").field("source_ref").to_pylist()
        self.ordered += len(refs)
        self._seen.update(number_of(ref.encode()) for ref in refs)
        kinds, departments, cases = (first.column(name).to_pylist() for name in ("kind", "department", "case_id"))
        chosen = self._draw.random(len(refs)) < self._share
        for kind_, department, case, answers in zip(kinds, departments, cases, chosen.tolist(), strict=True):
            if kind_ == "ASSIGN" and answers:
                self._assigned[department].append(case)

    def answers(self) -> Iterator[tuple[str, list[bytes], list[bytes]]]:
        """Of each department that has any: topic, keys and values."""
        one = Update(
            update_id="-", department="none", case_id="-", status=UpdateStatus.RESOLVED, at=self._now.now_ms,
            note="Put right. 已处理完毕。",
        ).to_avro()  # fmt: skip
        for department, cases in self._assigned.items():
            columns = {name: [value] * len(cases) for name, value in one.items()} | {
                "update_id": [f"U-{case}" for case in cases],
                "department": [department] * len(cases),
                "case_id": cases,
            }
            self.answered += len(cases)
            values = self._codec.encode_columns("cityhub.Update", columns)
            yield dept_updates(department).name, [case.encode() for case in cases], values
        self._assigned.clear()

"""The letters of gaps on their way to hub.dead, and their metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hub import metrics
from hub.clock import wall_ms
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.stream.letters.gaps import Gap
from hub.stream.writing.writer import Output
from hub.topics import DEAD, source_of


class GapLetters:
    """Makes the letters for the gaps of one agent."""

    def __init__(self, settings: Settings, agent: str) -> None:
        self._settings = settings
        self._agent = agent

    def outputs(self, gaps: Sequence[Gap]) -> list[Output]:
        """One letter for each gap, for the transaction that first commits past it. Raises RetriableError if a
        registry service cannot be asked."""
        if not gaps:
            return []
        codec, now_ms = Codec(make_registry(self._settings)), wall_ms()
        letters = codec.encode_many("cityhub.DeadLetter", [gap.letter(self._agent, now_ms) for gap in gaps])
        messages = [
            {"key": f"{gap.topic}[{gap.partition}]", "value": letter} for gap, letter in zip(gaps, letters, strict=True)
        ]
        return [Output(self._settings.topic(DEAD.name), None, messages)]

    def count(self, gaps: Iterable[Gap]) -> None:
        """Count these gaps in the metrics: their letters have been committed."""
        for gap in gaps:
            metrics.DEAD_LETTERS.labels(self._agent, str(gap.reason), source_of(gap.topic)).inc()
            labels = (self._agent, source_of(gap.topic), str(gap.reason))
            metrics.GAPS.labels(*labels).inc()
            metrics.GAP_RECORDS.labels(*labels).inc(gap.records_at_most)

"""Where an agent stands in every place that it reads, and what proves that its state stands there too. No I/O.

A place is a partition of a topic, by its name on the broker. What proves it is explained in hub/stream/changelog/checkpoints.py.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import TopicPartition

from hub.errors import Reason
from hub.stream.changelog.checkpoints import Checkpoint, CommitMark, Trail
from hub.stream.kafka.extent import Extent
from hub.stream.kafka.standpoint import is_made_anew
from hub.stream.letters.gaps import Gap, ReadSoFar, resume
from hub.stream.numbers import PartitionPlace, number_of
from hub.stream.writing.writer import Output

log = logging.getLogger(__name__)


class Commit(NamedTuple):
    """What a transaction writes beside an agent's outputs, and where the agent stands after it."""

    ends: dict[PartitionPlace, int]
    offsets: list[TopicPartition]
    checkpoints: dict[int, Checkpoint]
    """The checkpoint of each number whose state or offsets move."""


@dataclass
class _Proof:
    """What proves the state of one number: its last commit."""

    sequence: int = 0
    at_ms: int = 0
    low: int = 0
    """The changelog's low watermark."""
    anew: bool = False
    """True if what was missing until now is accepted."""
    first: int = 0
    """The sequence of the checkpoint that stays in the changelog for good; 0 where none does."""


@dataclass
class Positions:
    """The positions of one agent. `namespace` and `numbers` are the hub's; `compacted` says whether the agent's
    changelog is, and `window_ms` how long its records are needed if it is not."""

    agent: str
    namespace: str
    numbers: int
    compacted: bool
    window_ms: int
    ends: dict[PartitionPlace, int] = field(default_factory=dict)
    """The next offset to read of each place: as committed, or the log's beginning where nothing was ever committed."""
    gaps: dict[PartitionPlace, Gap] = field(default_factory=dict)
    """Gaps that were found and are not written down yet. Reading goes on behind them."""
    refused: dict[int, str] = field(default_factory=dict)
    """The numbers whose changelog does not have what was committed, each with what was expected and found."""
    logs: dict[str, str] = field(default_factory=dict)
    """The ids of topics, by name on the broker."""
    _left: dict[PartitionPlace, int] = field(default_factory=dict)
    """The next offset to read of places that are not read now: with a deleted topic Kafka forgets what the group committed."""
    _found: dict[PartitionPlace, TopicPartition] = field(default_factory=dict)
    """The group's offsets with their metadata, as the broker has them."""
    _proofs: dict[int, _Proof] = field(default_factory=lambda: defaultdict(_Proof))

    # -- taking up -------------------------------------------------------------------------------------------------------

    def judge(self, committed: Iterable[TopicPartition], trails: Mapping[int, Trail], now_ms: int) -> None:
        """Compare the state that was read back with what was committed. Puts into `refused` what does not fit."""
        marks: dict[int, list[CommitMark]] = defaultdict(list)
        for place in committed:
            if place.offset >= 0:
                marks[number_of(place.partition, self.numbers)].append(CommitMark.read(place.metadata))
        for number, trail in trails.items():
            mark = max(marks[number], key=lambda each: (each.accepts_loss, each.sequence), default=None)
            fault = trail.fault(mark, now_ms - self.window_ms)
            self.refused.pop(number, None)
            if fault is not None:
                self.refused[number] = fault
            self._proofs[number] = _proof(mark, trail)
            self._remember(number, trail)
            self._say(number, mark, trail)

    def _remember(self, number: int, trail: Trail) -> None:
        """Keep what a changelog says of topics, for those that are not there now and may come back."""
        others = {place: end for place, end in self._left.items() if number_of(place[1], self.numbers) != number}
        self._left = others | {(self.namespace + topic, at): end for (topic, at), end in trail.ends.items()}
        self.logs = {self.namespace + topic: log for topic, log in trail.logs.items()} | self.logs

    def _say(self, number: int, mark: CommitMark | None, trail: Trail) -> None:
        if mark is None:
            if trail.last is not None:
                log.warning(
                    "%s: partition %s has no committed offset left; goes on where its state ends, at commit %s",
                    self.agent, number, trail.last.sequence,
                )  # fmt: skip
        elif mark.accepts_loss:
            log.warning("%s: partition %s: what is missing of its state was accepted as lost", self.agent, number)
        elif not mark.sequence:
            log.warning(
                "%s: partition %s: its offsets do not prove its state (an older version wrote them, or somebody set them "
                "by hand); accepted this once, and proven from the next commit on",
                self.agent, number,
            )  # fmt: skip

    def go_on(
        self,
        committed: Iterable[TopicPartition],
        trails: Mapping[int, Trail],
        ask: Callable[[dict[PartitionPlace, int | None]], Mapping[PartitionPlace, Extent]],
    ) -> None:
        """Go on from what was committed, or else from where the state ends. What is passed over is in `gaps`.

        `ask` says what the broker has of each place, with the offset that should be there.
        """
        found = {(place.topic, place.partition): place for place in committed}
        unproven = self._unproven(found.values())
        knowns = {at: self._known(place, trails, unproven) for at, place in found.items()}
        extents = ask({at: known.position for at, known in knowns.items()}) if knowns else {}
        for at, known in knowns.items():
            start, gap = resume(at[0][len(self.namespace) :], at[1], known, extents[at])
            self._found[at], self.logs[at[0]] = found[at], extents[at].log
            self.ends[at] = start if gap is None else gap.begin
            self.gaps.pop(at, None)
            if gap is not None:
                self.gaps[at] = gap
                log.error("%s: %s: %s", self.agent, gap.place, gap.detail)

    def _unproven(self, committed: Iterable[TopicPartition]) -> set[int]:
        """Numbers of which an older version has committed, or of which a loss was accepted: their checkpoints may be old."""
        marks = [(place.partition, CommitMark.read(place.metadata)) for place in committed if place.offset >= 0]
        return {number_of(partition, self.numbers) for partition, mark in marks if mark.claim and not mark.sequence} | {
            number_of(partition, self.numbers) for partition, mark in marks if mark.accepts_loss
        }

    def _known(self, place: TopicPartition, trails: Mapping[int, Trail], unproven: Collection[int]) -> ReadSoFar:
        name, number = place.topic[len(self.namespace) :], number_of(place.partition, self.numbers)
        trail = None if number in unproven else trails.get(number)
        offset = place.offset if place.offset >= 0 else None
        by_hand = offset is not None and not CommitMark.read(place.metadata).claim
        if trail is None:
            at = place.topic, place.partition
            end = self.ends.get(at, self._left.get(at)) if offset is None else None
            return ReadSoFar(offset, by_hand, end, self.logs.get(place.topic, ""))
        return ReadSoFar(offset, by_hand, trail.ends.get((name, place.partition)), trail.logs.get(name, ""))

    def pass_over(self, place: PartitionPlace, until: int, detail: str) -> None:
        """Have reading go on at `until`, because somebody does not want read what lies before."""
        if place not in self.gaps:
            topic = place[0][len(self.namespace) :]
            self.gaps[place] = Gap(topic, place[1], Reason.SKIPPED, self.ends[place], until, detail)

    def step_over(self, place: PartitionPlace, begin: int, until: int) -> None:
        """Have reading go on behind a batch that cannot be unpacked. All that lies before it is committed."""
        detail = f"{until - begin} records are in a batch that cannot be unpacked, or only into more than a reader takes (16 MB)"
        gap = Gap(place[0][len(self.namespace) :], place[1], Reason.UNREADABLE, begin, until, detail)
        self.gaps[place] = gap
        log.error("%s: %s: %s", self.agent, gap.place, detail)

    def as_committed(self) -> list[TopicPartition]:
        """The group's offsets as the broker has them."""
        return [self._found[place] for place in self.ends]

    def starts(self) -> dict[PartitionPlace, int]:
        """The offset of each place at which reading goes on."""
        return self.ends | {place: gap.until for place, gap in self.gaps.items()}

    def displaced(self, places: Collection[PartitionPlace]) -> list[TopicPartition]:
        """The committed offsets of places where the broker has nothing at the offset to be read next, to be judged
        again."""
        return [TopicPartition(*place, self.ends[place], self._found[place].metadata or "") for place in places]

    def made_anew(self, logs: Mapping[str, str]) -> set[PartitionPlace]:
        """The places whose topics are others by now. `logs`: the ids of the topics, by name on the broker, as they are."""
        others = {topic for topic, log in self.logs.items() if is_made_anew(log, logs.get(topic, ""))}
        return {place for place in self.ends if place[0] in others}

    def keep(self, places: Collection[PartitionPlace]) -> None:
        """Have no other places than these."""
        self._left |= {place: end for place, end in self.ends.items() if place not in places}
        self.ends = {place: end for place, end in self.ends.items() if place in places}
        self.gaps = {place: gap for place, gap in self.gaps.items() if place in places}

    def let_go(self) -> None:
        self._left |= self.ends
        self.ends.clear()
        self.gaps.clear()

    # -- committing ------------------------------------------------------------------------------------------------------

    def plan(
        self, ends: dict[PartitionPlace, int], changed: Iterable[int], claim: str, now_ms: int, *, whole: bool
    ) -> Commit:
        """What the next commit writes: `ends` move, and so does the state of the numbers `changed`. `whole`: the
        offsets of all that is held are written, moved or not."""
        moved = self.starts() | ends
        whole = whole or bool(self.gaps)
        sent = list(moved) if whole else [place for place in moved if moved[place] != self.ends.get(place)]
        touched = {number_of(place[1], self.numbers) for place in sent}
        for number in set(changed) - touched:  # its state changes though nothing of it was read
            sent += [place for place in moved if number_of(place[1], self.numbers) == number][:1]
        checkpoints = {
            number: self._checkpoint(number, moved, now_ms, whole=whole or self.compacted)
            for number in {number_of(place[1], self.numbers) for place in sent}
        }
        offsets = []
        for place in sent:
            mark = CommitMark(claim, checkpoints[number_of(place[1], self.numbers)].sequence, now_ms)
            offsets.append(TopicPartition(*place, moved[place], str(mark)))
        return Commit(moved, offsets or self.as_committed()[:1], checkpoints)

    def _checkpoint(self, number: int, moved: Mapping[PartitionPlace, int], now_ms: int, *, whole: bool) -> Checkpoint:
        proof, cut = self._proofs[number], len(self.namespace)
        mine = {place: end for place, end in moved.items() if number_of(place[1], self.numbers) == number}
        return Checkpoint(
            sequence=proof.sequence + 1,
            at_ms=now_ms,
            previous_ms=proof.at_ms,
            ends=[
                (topic[cut:], partition, end)
                for (topic, partition), end in mine.items()
                if whole or end != self.ends.get((topic, partition))
            ],
            logs={topic[cut:]: self.logs[topic] for topic, _ in mine} if whole else {},
            low=proof.low,
            anew=proof.anew,
            first=(proof.first or proof.sequence + 1) if self.compacted else 0,
        )

    def committed(self, commit: Commit) -> list[Gap]:
        """The planned commit has succeeded. Returns the gaps that were written down with it."""
        said = list(self.gaps.values())
        self.gaps.clear()
        self.ends = commit.ends
        self._found |= {(each.topic, each.partition): each for each in commit.offsets}
        for number, checkpoint in commit.checkpoints.items():
            self._proofs[number] = _Proof(checkpoint.sequence, checkpoint.at_ms, checkpoint.low, first=checkpoint.first)
        return said


def _proof(mark: CommitMark | None, trail: Trail) -> _Proof:
    if trail.last is not None:
        sequence, at_ms = trail.last.sequence, trail.last.at_ms
    else:  # nothing was ever written, or all has expired
        sequence, at_ms = (mark.sequence, mark.at_ms) if mark is not None else (0, 0)
    anew = mark is not None and mark.accepts_loss
    return _Proof(sequence, at_ms, trail.low, anew, 0 if anew else trail.stays)


def with_checkpoints(
    outputs: Iterable[Output], changelog: str, checkpoints: Mapping[int, Checkpoint], *, compacted: bool
) -> list[Output]:
    """The outputs of a transaction with its checkpoints. `changelog`: the topic's name on the broker."""
    found, left = list(outputs), dict(checkpoints)
    if not compacted:  # a record of state carries it
        for output in found:
            if output.topic == changelog and output.partition in left and output.messages[-1]["key"] is None:
                output.messages[-1]["key"] = left.pop(output.partition).key(compacted=False)
    for number, checkpoint in left.items():
        value = checkpoint.value() if compacted else None
        found.append(Output(changelog, number, [{"key": checkpoint.key(compacted=compacted), "value": value}]))
    return found

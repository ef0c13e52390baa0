"""Which answers to a request count, and what they come to. Pure.

An answer counts if it carries the request's id and the name of a worker that is a member of the hub's consumer groups. Anything
else is counted apart and makes nothing applied; nor do answers of one worker that contradict each other. That rules were applied
counts once the worker's own beats say that it goes by them, and no other does in its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import NamedTuple

from hub.control.records import Beat, ControlRecord, Fault, PolicyAnswer, PolicyReload

_NAMES = 5
STRANGER, OTHER_REQUEST = "of a worker that is no member of the hub's groups", "to another request"


class Result(StrEnum):
    """What a worker did about a request."""

    APPLIED = "applied"
    REFUSED = "refused"
    CONTRADICTORY = "contradictory"
    UNCONFIRMED = "unconfirmed"
    SILENT = "silent"


class Verdict(NamedTuple):
    """One worker's. `version` and `lines` are empty where it is not known which of its words to believe."""

    instance: str
    result: Result
    version: str = ""
    lines: tuple[str, ...] = ()
    kept: int = -1
    """Open cases that go on by other rules than these, which would time them otherwise; -1: not known."""
    moved: int = -1
    """Open cases whose provisional due times are reckoned anew."""


class AnswerTally:
    """The answers to one request, by the workers that are asked."""

    def __init__(self, request: PolicyReload, members: Collection[str]) -> None:
        """`members`: instances that hold the hub's work."""
        self._request = request
        self._answers: dict[str, list[PolicyAnswer]] = {instance: [] for instance in sorted(members)}
        self._confirmed: set[str] = set()
        self._contradicted: set[str] = set()
        self.waiting: dict[str, str] = {}
        """Workers that are no members as they wait, and the rules that each has."""
        self.ignored: Counter[str] = Counter()
        """Records that did not count, by why."""
        self.strangers: list[str] = []
        """Names in answers that are no member's, the first few."""

    def add(self, record: ControlRecord | Fault) -> None:
        """Take note of a record that came after the request."""
        if isinstance(record, Fault):
            self.ignored[f"{record}"] += 1
        elif isinstance(record, PolicyAnswer):
            self._take(record)
        elif isinstance(record, Beat):
            self._hear(record)

    def _take(self, answer: PolicyAnswer) -> None:
        if answer.id != self._request.id:
            self.ignored[OTHER_REQUEST] += 1
        elif answer.instance not in self._answers:
            self.ignored[STRANGER] += 1
            if answer.instance not in self.strangers and len(self.strangers) < _NAMES:
                self.strangers.append(answer.instance)
        else:
            known = self._answers[answer.instance]
            if len(known) < 2 and not any(
                _same(answer, each) for each in known
            ):  # two suffice to contradict each other
                known.append(answer)

    def _hear(self, beat: Beat) -> None:
        """Beats of before the answer say nothing; nor does one that was on its way when the rules were taken."""
        answers = self._answers.get(beat.instance)
        if answers is None:
            if not beat.deciding and (beat.instance in self.waiting or len(self.waiting) < _NAMES):
                self.waiting[beat.instance] = beat.version
        elif answers and (beat.process, beat.fingerprint) == (answers[0].process, self._request.fingerprint):
            self._confirmed.add(beat.instance)
        elif beat.instance in self._confirmed:
            self._contradicted.add(beat.instance)

    @property
    def complete(self) -> bool:
        """Every worker has answered, and those that went along show it."""
        return all(
            answers and (answers[0].result == "refused" or instance in self._confirmed)
            for instance, answers in self._answers.items()
        )

    @property
    def applied(self) -> bool:
        """Every worker goes by the rules that were announced, and there is one."""
        verdicts = self.verdicts()
        return bool(verdicts) and all(verdict.result is Result.APPLIED for verdict in verdicts)

    def verdicts(self) -> list[Verdict]:
        """One for each member, in the order of their names."""
        return [self._verdict(instance, answers) for instance, answers in self._answers.items()]

    def _verdict(self, instance: str, answers: list[PolicyAnswer]) -> Verdict:
        if not answers:
            return Verdict(instance, Result.SILENT)
        first = answers[0]
        took_it = first.fingerprint == self._request.fingerprint
        applied = first.result == "applied"
        if len(answers) > 1 or instance in self._contradicted or (applied and not took_it):
            return Verdict(instance, Result.CONTRADICTORY)
        if applied and instance not in self._confirmed:
            return Verdict(instance, Result.UNCONFIRMED)
        return Verdict(instance, Result(first.result), first.version, first.lines, first.kept, first.moved)


def touched_by_all(verdicts: Sequence[Verdict]) -> dict[str, int | None]:
    """Open cases that the change touches, of all workers together; None if none of them says."""
    known = [verdict for verdict in verdicts if verdict.kept >= 0]
    if not known:
        return {"kept": None, "moved": None}
    return {"kept": sum(verdict.kept for verdict in known), "moved": sum(verdict.moved for verdict in known)}


def _same(answer: PolicyAnswer, other: PolicyAnswer) -> bool:
    """Said twice: what it took the second time changed nothing any more, so the lines may differ."""
    return (answer.result, answer.process, answer.fingerprint) == (other.result, other.process, other.fingerprint)

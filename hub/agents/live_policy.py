"""The rules that agents go by, which may change while they run: new ones are taken whole or not at all, between two chunks."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, Literal

from hub.control.records import MAX_LINE, MAX_LINES, MAX_SEALED_BYTES, PolicyAnswer, PolicyReload
from hub.core.cases.touched import Touched
from hub.core.rules.succession import Versions, succeed
from hub.declared.problems import DeclarationError
from hub.errors import HubError
from hub.policy import City, load_city
from hub.stream.kafka.known import KnownTopics
from hub.topics import of_department

log = logging.getLogger(__name__)
PolicyOutcome = Literal["applied", "refused"]
APPLIED: Final = "applied"
POLICY_REFUSED: Final = "refused"


class LivePolicy:
    """One worker's. Agents ask for the rules at the start of each chunk."""

    def __init__(self, first: City, topics: KnownTopics | None = None) -> None:
        """`topics`: those that there are; a department is taken only with its own. None: all are there."""
        self._versions = Versions(first)
        self._topics = topics
        self._reloading = threading.Lock()
        self.departments: Collection[str] = dict.fromkeys(first.departments)
        """Of all rules that this worker has gone by."""
        self.listeners: list[Callable[[], None]] = []
        """Called when other rules were taken, from the thread that did."""

    @property
    def latest(self) -> City:
        return self._versions.latest

    def in_force(self, at_ms: int) -> City:
        """The rules by which a report made then is decided: later ones never decide an earlier report."""
        return self._versions.in_force(at_ms)

    def of(self, version: str, made_ms: int) -> City:
        """The rules by which a case is timed, named by it: those of its opening, though others hold by now. Where this worker was
        never given them, those that decide what was reported at `made_ms`."""
        return self._versions.of(version, made_ms)

    @property
    def cities(self) -> tuple[City, ...]:
        """All that this worker has gone by since it began."""
        return self._versions.cities

    def reload(
        self, folder: Path, fingerprint: str | None, in_use: Collection[str] = ()
    ) -> tuple[PolicyOutcome, list[str]]:
        """Read the folder anew and take it if it may follow what is in force.

        Gives APPLIED with what changes, or POLICY_REFUSED with why; then nothing has changed. `fingerprint`: of the folder that was
        meant, so that workers on several machines do not go by different ones. `in_use`: departments that hold open cases.
        """
        with self._reloading:
            return self._reload(folder, fingerprint, in_use)

    def _reload(
        self, folder: Path, fingerprint: str | None, in_use: Collection[str]
    ) -> tuple[PolicyOutcome, list[str]]:
        current = self.latest
        try:
            proposed = load_city(folder)
        except DeclarationError as error:
            return POLICY_REFUSED, [str(problem) for problem in error.problems]
        if fingerprint is not None and proposed.fingerprint != fingerprint:
            return POLICY_REFUSED, [
                f"{folder} here is {proposed.version}, not the folder that was announced; copy that here first"
                + (f", and the packs that it includes: {', '.join(proposed.included)}" if proposed.included else "")
            ]
        succession = succeed(current, proposed, in_use=in_use)
        problems = [
            *succession.problems,
            *self._without_topics(sorted(set(proposed.departments) - set(self.departments))),
        ]
        if problems:
            return POLICY_REFUSED, problems
        if proposed.fingerprint != current.fingerprint:  # if only by a comment: workers are compared by it
            self._versions.add(proposed)
            self.departments = dict.fromkeys((*self.departments, *proposed.departments))
            for listener in self.listeners:
                listener()
        return APPLIED, list(succession.changes)

    def _without_topics(self, departments: Collection[str]) -> list[str]:
        """Why these new departments cannot be taken yet."""
        if self._topics is None or not departments:
            return []
        wanted = {each: [topic.name for topic in of_department(each)] for each in departments}
        try:
            missing = self._topics.missing(name for names in wanted.values() for name in names)
        except HubError as error:
            return [f"departments.yaml: whether the topics of new departments are there cannot be told: {error}"]
        return [
            f"departments.yaml: {each!r} is new, and topics are missing: {', '.join(lacking)}; run `cityhub topics --create` (and, "
            "where Kafka has rights, `cityhub acl --apply`)"
            for each, names in wanted.items()
            if (lacking := [name for name in names if name in missing])
        ]


def announcement(city: City) -> PolicyReload:
    """Asks all workers to read their policy folder anew; `city` is what they must find there."""
    return PolicyReload(id=uuid.uuid4().hex, version=city.version, fingerprint=city.fingerprint)


def answer(
    request: PolicyReload,
    policy: LivePolicy,
    folder: Path,
    instance: str,
    process: str,
    in_use: Collection[str] = (),
    touched: Callable[[City], Touched | None] = lambda _: None,
) -> PolicyAnswer:
    """Do what is asked, and give the answer for the record. `touched`: how many open cases the rules touch that came after those
    that it is given."""
    before = policy.latest
    result, lines = policy.reload(folder, request.fingerprint, in_use)
    counts = touched(before) if policy.latest is not before else None
    level = logging.INFO if result == APPLIED else logging.ERROR
    log.log(level, "policy %s: %s", result, "; ".join(lines) or "the same rules")
    return PolicyAnswer(
        id=request.id,
        result=result,
        instance=instance,
        process=process,
        version=policy.latest.version,
        fingerprint=policy.latest.fingerprint,
        lines=limited(lines),
        kept=counts.kept if counts else -1,
        moved=counts.moved if counts else -1,
    )


def limited(lines: Sequence[str]) -> tuple[str, ...]:
    """As many lines as a record of the control topic holds, each as long as one may be; how many are left out is said."""
    budget, kept = MAX_SEALED_BYTES // 2, list[str]()
    for line in lines[:MAX_LINES]:
        budget -= len(json.dumps(line[:MAX_LINE]))
        if budget < 0:
            break
        kept.append(line[:MAX_LINE])
    left = len(lines) - len(kept)
    return (*kept, f"and {left:,} more") if left else tuple(kept)

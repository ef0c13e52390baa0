"""What was done with dead letters, as it is told in order: who closed which and why, and whose bytes were sent again. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from hub.inspect.letters import Letter

CLOSE, REOPEN, RESEND = "dead.close", "dead.reopen", "dead.resend"
MOST_TIMES = 3
"""The same bytes are sent so often; then something else has to be mended."""


class Deed(NamedTuple):
    """One thing that was done with one letter. `after`: what the trail says of it."""

    at_ms: int
    who: str
    what: str
    letter: str
    after: Any


class LetterState(StrEnum):
    """How far a letter is."""

    OPEN = "open"
    SENT = "sent"
    """Its record was sent again; if that did not help, it is in a later letter."""
    CLOSED = "closed"
    """Nothing is to be done any more, for the reason that was given."""


class Dealt:
    """All that was done, of which each letter's last deed counts. `prefix`: what stands before a letter's id there."""

    def __init__(self, deeds: Iterable[Deed], prefix: str) -> None:
        self._prefix = prefix
        self._last: dict[str, Deed] = {}
        self._times: Counter[str] = Counter()
        for deed in deeds:
            self._last[deed.letter] = deed
            if deed.what == RESEND and isinstance(deed.after, dict):
                self._times[str(deed.after.get("bytes"))] += 1

    def name(self, letter: Letter) -> str:
        """What the trail calls it."""
        return self._prefix + letter.id

    def last(self, letter: Letter) -> Deed | None:
        return self._last.get(self.name(letter))

    def state(self, letter: Letter) -> LetterState:
        match self.last(letter):
            case Deed(what="dead.close"):
                return LetterState.CLOSED
            case Deed(what="dead.resend"):
                return LetterState.SENT
        return LetterState.OPEN

    def times(self, digest: str) -> int:
        """How often these bytes were sent."""
        return self._times[digest]


def bytes_digest(topic: str, key: bytes | None, value: bytes | None) -> str:
    """What is the same whenever the same record is sent to the same topic."""
    digest = hashlib.sha256()
    for part in (topic.encode(), key, value):
        digest.update(b"-" if part is None else b"%d:" % len(part) + part)
    return digest.hexdigest()

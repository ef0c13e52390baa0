"""What was done with dead letters, as it is told in order: who closed which and why, and whose bytes were sent again. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from hub.inspect.letters import Letter

CLOSE, REOPEN, RESEND = "dead.close", "dead.reopen", "dead.resend"
REDRIVE_BEGUN, REDRIVE_ENDED = "dead.redrive.begin", "dead.redrive.end"
MOST_TIMES = 3
"""The same bytes are sent so often; then something else has to be mended."""
MOST_WHY_CHARS = 1_000
_NOT_SENT = f"{RESEND}.failed"


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


@dataclass
class RedriveTale:
    """A redrive as far as it is told. `sent`: letters; `said_ms`: when it was heard of last; `how`: it ended; None: not yet."""

    begun: Deed
    said_ms: int
    sent: int = 0
    how: str | None = None


class Dealt:
    """All that was done, of which each letter's last deed counts. `prefix`: what stands before a letter's id there."""

    def __init__(self, deeds: Iterable[Deed], prefix: str) -> None:
        self._prefix = prefix
        self._of: dict[str, list[Deed]] = {}
        self._times: Counter[str] = Counter()
        self.redrives: dict[str, RedriveTale] = {}
        """By id, the last one last."""
        for deed in deeds:
            self.tell(deed)

    def tell(self, deed: Deed) -> None:
        """Another that was done, behind those before it."""
        before = self._of.setdefault(deed.letter, [])
        if deed.what == RESEND and isinstance(deed.after, dict):
            self._times[str(deed.after.get("bytes"))] += 1
            self._redriven(deed, deed, 1)
        elif deed.what == _NOT_SENT and before:
            self._redriven(before[-1], deed, -1)
        elif deed.what == REDRIVE_BEGUN:
            self.redrives[deed.letter] = RedriveTale(deed, deed.at_ms)
        elif deed.what == REDRIVE_ENDED and deed.letter in self.redrives:
            self.redrives[deed.letter].how = str(deed.after["how"])
        before.append(deed)

    def _redriven(self, sent: Deed, deed: Deed, count: int) -> None:
        tale = self.redrives.get(str(sent.after.get("redrive"))) if isinstance(sent.after, dict) else None
        if tale is not None:
            tale.sent, tale.said_ms = tale.sent + count, deed.at_ms

    def name(self, letter: Letter) -> str:
        """What the trail calls it."""
        return self._prefix + letter.id

    def of(self, letter: Letter) -> Sequence[Deed]:
        """All that was done with it, the first first."""
        return self._of.get(self.name(letter), ())

    def last(self, letter: Letter) -> Deed | None:
        deeds = self.of(letter)
        return deeds[-1] if deeds else None

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

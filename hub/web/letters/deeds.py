"""What was done with dead letters: told by the trail, and told to it."""

from __future__ import annotations

import threading

from hub.inspect.letters import Letter
from hub.inspect.mending.dealt import Dealt, Deed
from hub.settings import Settings
from hub.topics import DEAD
from hub.web.access.chain import AuditedAct
from hub.web.access.file import AccessFile
from hub.web.access.trail import acts_named

ACTS = "dead."


def letter_prefix(settings: Settings) -> str:
    """What stands before a letter's id in the trail."""
    return f"{settings.topic(DEAD.name)} "


def deed_act(settings: Settings, name: str, letter: Letter, after: object) -> AuditedAct:
    """As the trail has it, before it is done."""
    before = {"reason": letter.reason, "stage": letter.stage}
    return AuditedAct(name, letter_prefix(settings) + letter.id, before, after)


class DeedBook:
    """All deeds of one trail; only what is new there is read again. For any thread."""

    def __init__(self, file: AccessFile, settings: Settings) -> None:
        self._file, self._dealt = file, Dealt((), letter_prefix(settings))
        self._lock, self._after = threading.Lock(), 0

    def dealt(self) -> Dealt:
        """As it is now, whoever did it, in whichever process. Raises FatalError if the trail cannot be read."""
        with self._lock:
            for entry in acts_named(self._file, ACTS, self._after):
                self._after = entry.number
                act = entry.act
                self._dealt.tell(Deed(entry.at_ms, entry.who, act.what, act.subject, act.after))
            return self._dealt

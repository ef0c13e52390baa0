"""What this process has read, so that what is as it was is left out. Bounded: what was forgotten is read as if it were new."""

from __future__ import annotations

_MOST = 500_000


class NameMemory:
    """What each name stood for last. Two generations of `most` names: those of the older one go when the younger is full."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._now: dict[str, bytes] = {}
        self._before: dict[str, bytes] = {}
        self._turns = 0
        self._had_all = False

    @property
    def is_whole(self) -> bool:
        """Whether all that `sweep_ended` told of is still here: who is not known then is new."""
        return self._had_all and self._turns <= 1

    def knows(self, name: str) -> bool:
        return name in self._now or name in self._before

    def note(self, name: str, digest: bytes) -> bool:
        """Whether that is new of it."""
        is_new = self._now.get(name, self._before.get(name)) != digest
        if len(self._now) >= self._most and name not in self._now:
            self._before, self._now = self._now, {}
            self._turns += 1
        self._now[name] = digest
        return is_new

    def sweep_ended(self) -> None:
        """All that there is was noted since the last time."""
        self._had_all, self._turns = self._turns <= 1, min(self._turns, 1)

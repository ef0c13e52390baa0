"""When a hub has come to rest: nothing left to read, and nothing moved for a while. Pure; the caller looks and tells the time."""

from __future__ import annotations

CALM_SECONDS = 2.0
STUCK_SECONDS = 120.0
HOPE_SECONDS = 60.0
"""How long something that should still come is waited for when all else is at rest."""


class Calm:
    """Tell it what is seen, as often as it is seen; looking may take any time."""

    def __init__(self, now: float) -> None:
        self._calm_since = self._moved_at = now
        self._outcomes = -1.0

    def at_rest(self, now: float, outcomes: float, *, busy: bool, complete: bool) -> bool:
        """Whether it is over. `busy`: there is more to do, or who does it does not answer; `complete`: nothing is missed."""
        moved = outcomes != self._outcomes
        if moved:
            self._outcomes, self._moved_at = outcomes, now
        if moved or busy or (not complete and now - self._moved_at < HOPE_SECONDS):
            self._calm_since = now
            return False
        return now - self._calm_since >= CALM_SECONDS

    def stuck(self, now: float) -> bool:
        """Whether nothing has moved for so long that nothing will."""
        return now - self._moved_at > STUCK_SECONDS

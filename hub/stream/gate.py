"""The gate through which agents of a process take on work: while anything forbids it, it is closed and each inlet
leaves its group."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


class Gate:
    """Shared by the inlets of a process. Whoever has a reason against going on closes it in his own name, and opens it again."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self.heard_of_newer = False
        """True once a worker of a newer release was heard of: what this one cannot read may be that one's."""

    @property
    def closed(self) -> str | None:
        """The reason why no work may be taken on, or None if it may."""
        return next(iter(tuple(self._reasons.values())), None)

    def close(self, name: str, reason: str) -> None:
        """Close the gate in this name, for a `reason` that ends with the way out. The log says it whenever the reason
        changes."""
        if self._reasons.get(name) != reason:
            self._reasons[name] = reason
            log.error("the agents wait: %s", reason)

    def open(self, name: str) -> None:
        """Take back the reason given in this name."""
        if self._reasons.pop(name, None) is not None and self.closed is None:
            log.warning("the agents go on")

"""Asks the ledger again and again while somebody looks, and says what has changed: at most four times a second.

Two threads: what takes long over a large ledger, or waits for another process, holds up no number.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from hub.clock import ClockKind, wall_ms
from hub.errors import HubError
from hub.ledger import queries
from hub.ledger.database import Database, address_of
from hub.settings import Settings
from hub.web.board import wall
from hub.web.board.flow import Flow

log = logging.getLogger(__name__)
EVERY_SECONDS = 0.25
PULSE_SECONDS = 1.0
"""So often the standing is said, though nothing else has changed."""
_AWAY_SECONDS = 5.0
_SHARE = 8.0
"""What took a second to ask is asked again after eight: so no part of the wall costs the ledger more than an eighth of a core.
SQLite works in the thread that asks: what that waited for others on a busy machine has cost nothing."""
WallQuestion = Callable[[Connection, int, str], Any]


@dataclass(frozen=True)
class WallPart:
    """`least_seconds`: how often it is asked again at most; `is_slow`: it looks at more of the ledger than what is open; `by_wall`:
    it is about what the hub itself did, which is dated by the wall also where history is played again."""

    name: str
    ask: WallQuestion
    least_seconds: float = EVERY_SECONDS
    is_slow: bool = False
    by_wall: bool = False


_WALL_PARTS = (
    WallPart("numbers", wall.numbers),
    WallPart("next", wall.breaking_next),
    WallPart("departments", wall.departments),
    WallPart("areas", wall.areas),
    WallPart("points", wall.points, 0.5),
    WallPart("letters", wall.set_aside, 2.0, by_wall=True),
    WallPart("yesterday", wall.yesterday, 60.0, is_slow=True),
)


def wall_parts(clock: ClockKind) -> tuple[WallPart, ...]:
    """What a wall shows where time goes by such a clock."""
    return (*_WALL_PARTS, WallPart("arrivals", partial(wall.sources, clock), 2.0, is_slow=True))


class LedgerReader:
    """The ledger as the board reads it: one that is not there yet is looked for again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = Database(address_of(settings))
        self._is_there = False

    @property
    def clock(self) -> ClockKind:
        return self._settings.clock

    def database(self) -> Database:
        """Raises what hub.sdk.errors names; FatalError while there is none."""
        if not self._is_there:
            self._database.require_there()
            self._is_there = True
        return self._database

    def now_ms(self, connection: Connection) -> int:
        """The time by which cases are judged: the wall's; where history is played again, that of the newest report."""
        late_ms = 0 if self._settings.clock is ClockKind.WALL else int(self._settings.lateness_seconds * 1000)
        return max(0, self.newest_ms(connection) - late_ms)

    def newest_ms(self, connection: Connection) -> int:
        """When something that is said now happens: the wall's time, or the newest that is known where history is played again."""
        return wall_ms() if self._settings.clock is ClockKind.WALL else queries.newest_opened_ms(connection)

    def close(self) -> None:
        self._database.close()


class WallWatch:
    """Runs from `start` to `stop`; asks nothing while nobody listens to the flow."""

    def __init__(self, ledger: LedgerReader, desk: str, flow: Flow, health: Callable[[], Any]) -> None:
        self._ledger, self._desk, self._flow, self._health = ledger, desk, flow, health
        self._parts = wall_parts(ledger.clock)
        self._due: dict[str, float] = {}
        self._said_at = 0.0
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(look,), name=name, daemon=True)
            for name, look in (("wall", self._look_quickly), ("wall-aside", self._look_aside))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._flow.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _run(self, look: Callable[[], None]) -> None:
        while not self._stop.is_set():
            if self._flow.is_heard(EVERY_SECONDS):
                began = time.monotonic()
                self._try(look)
                self._stop.wait(max(0.0, EVERY_SECONDS - (time.monotonic() - began)))

    def _try(self, look: Callable[[], None]) -> None:
        """A ledger that cannot be read is said, and asked again later."""
        try:
            look()
        except HubError as error:
            log.warning("the board cannot read the ledger: %s", error)
            self._say({"ledger": "away"})
            self._stop.wait(_AWAY_SECONDS)

    def look(self) -> None:
        """Ask what is due, and say what is other than before. Raises what hub.sdk.errors names."""
        self._look_quickly()
        self._look_aside()

    def _look_quickly(self) -> None:
        with self._ledger.database().transaction() as connection:
            now_ms = self._ledger.now_ms(connection)
            parts = {each.name: self._asked(each, connection, now_ms) for each in self._due_of(slow=False)}
            level_ms, behind = queries.last_standing(connection)
        standing = {"now": now_ms, "level": level_ms, "behind": behind, "asked": wall_ms()}
        self._say(parts | {"ledger": "here"}, standing)

    def _look_aside(self) -> None:
        """What takes longer; each is said as it comes. The hub's health is another process's to say, and may be waited for."""
        self._flow.tell({"health": self._health()}, {})
        for part in self._due_of(slow=True):
            with self._ledger.database().transaction() as connection:
                found = self._asked(part, connection, self._ledger.now_ms(connection))
            self._flow.tell({part.name: found}, {})

    def _due_of(self, *, slow: bool) -> list[WallPart]:
        return [each for each in self._parts if each.is_slow is slow and self._is_due(each)]

    def _is_due(self, part: WallPart) -> bool:
        return time.monotonic() >= self._due.get(part.name, 0.0)

    def _asked(self, part: WallPart, connection: Connection, now_ms: int) -> Any:
        began, worked = time.monotonic(), time.thread_time()
        answer = part.ask(connection, wall_ms() if part.by_wall else now_ms, self._desk)
        took = time.monotonic() - began if connection.dialect.name != "sqlite" else time.thread_time() - worked
        self._due[part.name] = began + max(part.least_seconds, _SHARE * took)
        return answer

    def _say(self, parts: Mapping[str, Any], standing: Mapping[str, Any] | None = None) -> None:
        """The standing goes with whatever else is said, and by itself now and then."""
        late = time.monotonic() - self._said_at >= PULSE_SECONDS
        if self._flow.tell(parts, {} if standing is None else {"standing": standing}, also_alone=late):
            self._said_at = time.monotonic()

"""A thing that flaps (on, off, on within seconds) is heard once: its first state, and where it comes to rest. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field

_MOST_THINGS = 100_000
_T = TypeVar("_T")


class DampingSpec(BaseModel):
    """What is said of a thing passes at once; for `seconds` after, what repeats that is left out, and a change of state waits. If
    it stands at their end it is said then; if the thing has gone back, nothing was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: str = Field(description="column that says how the thing is: alarm, level, on")
    by: tuple[str, ...] = Field(
        (), description="columns that make a thing one, as topic.device; without them the topic"
    )
    seconds: float = Field(gt=0, le=3600)


class SiftedMessages(NamedTuple, Generic[_T]):
    """What becomes of messages: these go on now, those are left out."""

    passed: list[_T]
    damped: list[_T]


@dataclass
class _Thing(Generic[_T]):
    state: str
    passed_at: float
    waiting: tuple[str, _T] | None = None


class Damper(Generic[_T]):
    """`now` is in seconds, and does not go back. At most `most_waiting` wait: of more, the one that waits longest passes."""

    def __init__(self, seconds: float, most_waiting: int) -> None:
        self._seconds, self._most = seconds, most_waiting
        self._things: OrderedDict[str, _Thing[_T]] = OrderedDict()
        """By when each was last said, the oldest first."""
        self._waiting: OrderedDict[str, None] = OrderedDict()

    def hear(self, name: str, state: str, message: _T, now: float) -> SiftedMessages[_T]:
        """What comes of one message, and of the one that waited before it."""
        heard = self.due(now)
        thing = self._things.get(name)
        if thing is None or now - thing.passed_at >= self._seconds:
            self._say(name, state, now)
            heard.passed.append(message)
            return heard
        if thing.waiting is not None:
            heard.damped.append(thing.waiting[1])
            self._forget(name, thing)
        if state == thing.state:
            heard.damped.append(message)
            return heard
        thing.waiting = (state, message)
        self._waiting[name] = None
        if len(self._waiting) > self._most:
            heard.passed.append(self._release(next(iter(self._waiting)), now))
        return heard

    def due(self, now: float) -> SiftedMessages[_T]:
        """Those that have waited to the end."""
        passed = []
        for name in list(self._waiting):
            if now - self._things[name].passed_at >= self._seconds:
                passed.append(self._release(name, now))
        return SiftedMessages(passed, [])

    def drop(self, *, passed_too: bool) -> None:
        """Forget who waits, as they will come again; and, if `passed_too`, what was passed, where that may come again."""
        for name in list(self._waiting):
            self._forget(name, self._things[name])
        if passed_too:
            self._things.clear()

    def _release(self, name: str, now: float) -> _T:
        waiting = self._things[name].waiting
        assert waiting is not None, "it is in line because it waits"
        state, message = waiting
        self._forget(name, self._things[name])
        self._say(name, state, now)
        return message

    def _forget(self, name: str, thing: _Thing[_T]) -> None:
        thing.waiting = None
        del self._waiting[name]

    def _say(self, name: str, state: str, now: float) -> None:
        self._things[name] = _Thing(state, now)
        self._things.move_to_end(name)
        oldest = next(iter(self._things))
        if len(self._things) > _MOST_THINGS and oldest not in self._waiting:
            del self._things[oldest]

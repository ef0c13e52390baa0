"""What an edge is doing, where people and programs can see it: a file beside its position, and the metrics."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.clock import wall_ms
from hub.errors import FatalError
from hub.metrics import EDGE_OWNER, EDGE_PROGRESS, EDGE_SINCE, EDGE_STATE

_BEAT_MS = 5_000
_MOST_HOLDER_BYTES = 200
EDGE_GONE_MS = 30_000
"""A state that was not confirmed for so long is that of a process which is gone."""
OWNER_NAMES = {
    "operator": "operator 运维人员",
    "credentials": "who keeps the credentials 凭据保管人",
    "configuration": "who keeps the configuration 配置维护人",
    "receiver": "receiver 接收方",
    "system": "the other system 对方系统",
    "developer": "developer 开发人员",
}
"""Whose turn it is to act on an edge, for people: by what `Status.owner` and metrics have for programs."""


class EdgeState(StrEnum):
    """What an edge can be doing; there are no other states."""

    NEW = "new"
    """Declared, never run."""
    CHECKING = "checking"
    RUNNING = "running"
    WAITING = "waiting"
    """For a system that is away or asked to wait; goes on by itself."""
    DEGRADED = "degraded"
    """Running, and nothing came for longer than its rhythm."""
    PAUSED = "paused"
    """By somebody, or at its limit of rejects."""
    FAILED = "failed"
    """Until its owner has mended something."""
    DONE = "done"


class Status(BaseModel):
    """One edge at one time. Times are milliseconds since 1970 UTC; `until` is when a waiting edge tries again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    connector: str = ""
    state: EdgeState = EdgeState.NEW
    since: int = 0
    seen: int = 0
    why: str = ""
    owner: str = ""
    until: int | None = None
    progress_at: int | None = None
    items: int = 0
    published: int = 0
    rejected: int = 0
    appeared: tuple[str, ...] = ()
    """Columns that the system has and the mapping does not expect."""
    vanished: tuple[str, ...] = ()
    """Columns that the mapping reads and that no longer come."""
    waiting: int = 0
    oldest_at: int | None = None
    """Of a sink: deliveries that wait, and when the oldest was written; None if nobody knows."""
    pid: int | None = None
    """None: the process that said so has ended, as it was asked to."""

    def as_dict(self) -> dict[str, Any]:
        """For machines: with the ages, in seconds, of the state and of what came last, None where there is none."""
        now = wall_ms()
        ages = {"age_seconds": self.since, "silent_seconds": self.progress_at}
        return self.model_dump(mode="json") | {
            "gone": self.gone,
            **{name: max(0, now - at) / 1000 if at else None for name, at in ages.items()},
        }

    @property
    def is_elsewhere(self) -> bool:
        """True if another process said so, and is there."""
        return self.pid not in (None, os.getpid()) and self.state is not EdgeState.DONE and not self.gone

    @property
    def gone(self) -> bool:
        """Whether the process that said so is not there any more, and was not asked to end."""
        ended = self.pid is None or self.state in (EdgeState.NEW, EdgeState.DONE)
        return not ended and wall_ms() - self.seen > EDGE_GONE_MS


class Board:
    """Shows one edge's state. `folder`: where its file lies; None: nowhere, and only the metrics show it."""

    def __init__(self, name: str, connector: str, folder: Path | None, now: Callable[[], int] = wall_ms) -> None:
        self._path = None if folder is None else folder / f"{name}.status.json"
        self._now = now
        self._owners: set[str] = set()
        self.stands_by = False
        self.status = Status(name=name, connector=connector, since=now(), pid=os.getpid())

    def enter(self, state: EdgeState, why: str = "", *, owner: str = "", until: int | None = None) -> bool:
        """The edge is in `state` now. True if that is news."""
        news = self.stands_by or (state, why) != (self.status.state, self.status.why)
        self.stands_by = False
        since = self.status.since if state is self.status.state else self._now()
        self._show(self.status.model_copy(
            update={"state": state, "why": why, "owner": owner, "until": until, "since": since}
        ))  # fmt: skip
        return news

    def progress(self, items: int, published: int, rejected: int) -> None:
        """So many more; the file is written now and then only."""
        now = self._now()
        changed = {"items": self.status.items + items, "published": self.status.published + published}
        changed |= {"rejected": self.status.rejected + rejected}
        if items:
            EDGE_PROGRESS.labels(self.status.name).set(now / 1000)
            changed["progress_at"] = now
        self.status = self.status.model_copy(update=changed)
        self.beat()

    def drift(self, appeared: Sequence[str], vanished: Sequence[str]) -> None:
        """The columns that are others than the mapping expects."""
        self._show(self.status.model_copy(update={"appeared": tuple(appeared), "vanished": tuple(vanished)}))

    def backlog(self, waiting: int, oldest_at: int | None) -> None:
        """So much waits for a sink's receivers; written with what is shown next."""
        self.status = self.status.model_copy(update={"waiting": waiting, "oldest_at": oldest_at})
        self.beat()

    def leave(self) -> None:
        """The state stays where people see it, and this process is not at work on it: in its metrics it is over."""
        self._count(self.status.model_copy(update={"state": EdgeState.DONE, "owner": ""}))
        if not self.stands_by:
            self.status = self.status.model_copy(update={"pid": None, "seen": self._now()})
            self._write()

    def stand_by(self, why: str) -> bool:
        """Another process is at work on it and shows it in the file; this one waits, and shows it by its metrics alone. True if
        that is news."""
        news, self.stands_by = not self.stands_by, True
        self.status = self.status.model_copy(
            update={"state": EdgeState.WAITING, "why": why, "owner": "", "until": None}
        )
        self._count(self.status)
        return news

    @property
    def stored(self) -> Status:
        """As the file has it, which may be what another process says."""
        return self.read(self.status.name, self.status.connector, self._path.parent) if self._path else self.status

    def beat(self) -> None:
        """Still there."""
        if self._now() - self.status.seen >= _BEAT_MS:
            self._show(self.status)

    def _show(self, status: Status) -> None:
        self.status = status.model_copy(update={"seen": self._now()})
        self._count(self.status)
        self._write()

    def _count(self, status: Status) -> None:
        for state in EdgeState:
            EDGE_STATE.labels(status.name, state).set(state is status.state)
        EDGE_SINCE.labels(status.name).set(status.since / 1000)
        self._owners |= {status.owner} - {""}
        for owner in self._owners:
            EDGE_OWNER.labels(status.name, owner).set(owner == status.owner)

    def _write(self) -> None:
        if self._path is not None:
            # to be seen is no reason to stop
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
                temporary.write_text(self.status.model_dump_json(), "utf-8")
                temporary.replace(self._path)

    @classmethod
    def read(cls, name: str, connector: str, folder: Path) -> Status:
        """As the edge said last; new, if it never did."""
        try:
            return Status.model_validate_json((folder / f"{name}.status.json").read_bytes())
        except (OSError, ValidationError):
            return Status(name=name, connector=connector)


class Wish:
    """What somebody wants of an edge that may be running in another process: that it pauses, that it goes on."""

    def __init__(self, folder: Path, name: str) -> None:
        self._paused, self._resume = folder / f"{name}.paused", folder / f"{name}.resume"

    @property
    def paused(self) -> str | None:
        """Why the edge is to pause; None if it is not."""
        try:
            return self._paused.read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return "somebody asked for it"

    def pause(self, why: str) -> None:
        self._paused.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._paused.write_text(why, "utf-8")

    def resume(self, way: str = "") -> None:
        """Not paused any more; what failed is tried again. `way`: how it goes on, if it was at its limit of rejects."""
        self._resume.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._resume.write_text(way, "utf-8")
        self._paused.unlink(missing_ok=True)

    @property
    def resumed(self) -> bool:
        return self._resume.exists()

    def take(self) -> str:
        """How it is to go on, once; empty if nobody has said."""
        try:
            way = self._resume.read_text("utf-8")
            self._resume.unlink()
        except OSError:
            return ""
        return way


class LockedError(FatalError):
    """Another process runs the edge; `holder` says which."""

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(
            f"{name} is running already, in {holder}: end that process, or have the edge pause first "
            f"(`cityhub connector pause {name}`)"
        )
        self.holder = holder


class Lock:
    """One process at a time runs an edge, or moves its position. Use as a context manager. Raises LockedError if another has it."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path, self._name = folder / f"{name}.lock", name
        self._number: int | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._number, _MOST_HOLDER_BYTES, 0).decode(errors="replace")
            os.close(self._number)
            raise LockedError(self._name, holder or "another process") from None
        os.truncate(self._number, 0)
        os.pwrite(self._number, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._number is not None:
            os.close(self._number)

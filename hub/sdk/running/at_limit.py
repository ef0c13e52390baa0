"""A connector that had too many rejects in a row stays where it is, over restarts, until somebody says how it goes on.

Its position is behind the rows it has set aside, so that no start writes their dead letters again. Beside it lies a note that
says so, with the position as it was before those rows.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.errors import FatalError
from hub.sdk.errors import EdgeError
from hub.sdk.running.positions import PositionFile


class Way(StrEnum):
    """How a connector that is at its limit goes on."""

    GO_ON = "go-on"
    """Behind the rows that were set aside."""
    AGAIN = "again"
    """With these rows once more, as the mapping was mended."""


class AtLimitError(EdgeError):
    """Too many rejects in a row: the edge pauses until somebody says how it goes on."""


class _Note(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    why: str
    before: str | None
    """The position's file as it was; None if there was none."""


class AtLimit:
    """The note of one connector, beside its position. Raises FatalError if it cannot be read, written or taken away."""

    def __init__(self, domain: str, position: PositionFile) -> None:
        self._domain = domain
        self._position = position
        self._path = position.path.with_suffix(".limit")
        self._before: str | None = None

    def leave(self, way: Way | None) -> None:
        """Go on as told. Raises FatalError, and changes nothing, if the connector is at its limit and nobody has said how."""
        note = self._read()
        if note is None:
            return
        if way is None:
            raise self._error(note.why)
        try:
            if way is Way.AGAIN:
                self._position.put_back(note.before)
            self._path.unlink()
        except OSError as error:
            raise FatalError(f"{self._path} cannot be taken away: {error.strerror}") from error

    def remember(self) -> None:
        """The first of what may become too many rejects comes next."""
        self._before = self._position.text()

    def enter(self, why: str) -> FatalError:
        """Note that the connector is at its limit, once its position is behind what was set aside. The error to end with."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.write_text(_Note(why=why, before=self._before).model_dump_json(), "utf-8")
        except OSError as error:
            return FatalError(f"{why}; and {self._path} cannot be written: {error.strerror}")
        return self._error(why)

    def _error(self, why: str) -> FatalError:
        return AtLimitError(
            f"{self._domain} is at its limit of rejects: {why}. They were set aside as dead letters, and nothing is read until "
            f"somebody says so. This looks like the wrong mapping: try `cityhub connector check {self._domain}`, mend it, run "
            "the same command (an edge: `cityhub connector resume`) with --again to read these rows once more, or with --go-on "
            "to go on behind them"
        )

    def _read(self) -> _Note | None:
        try:
            return _Note.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise FatalError(f"{self._path} cannot be read; delete it to go on from the position") from error

"""What a hub keeps beside Kafka, part by part, and where each file of a part lies in an archive and on this machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path

from hub.errors import FatalError
from hub.ledger.database import address_of
from hub.settings import Settings
from hub.web.access.file import access_path

_BUSY_SECONDS = 30.0
_LOGGED_IN = ("sessions", "logins")
"""Tables of the file of people that no copy has: a session that was ended does not come back with it."""


class BackupPart(StrEnum):
    """What may be backed up and put back by itself."""

    POLICY = "policy"
    """The city's rules 规则."""
    CONNECTORS = "connectors"
    """connectors.yaml 接入配置."""
    LEDGER = "ledger"
    """The ledger 台账, where it is a file."""
    POSITIONS = "positions"
    """How far each system was read 读取位置."""
    ACCESS = "access"
    """Users, audit trail 审计链, departments' tokens, and the secret of the web."""


def places(settings: Settings, part: BackupPart) -> dict[str, Path]:
    """The files and folders of a part by their name in an archive, whether they are there or not."""
    state, web = settings.state_dir, settings.state_dir / "web"
    match part:
        case BackupPart.POLICY:
            return {"policy": settings.city}
        case BackupPart.CONNECTORS:
            return {} if settings.connectors is None else {"connectors.yaml": settings.connectors}
        case BackupPart.LEDGER:
            path = ledger_file(settings)
            return {} if path is None else {"ledger.sqlite": path}
        case BackupPart.POSITIONS:
            return {"cursors": state / "cursors", "edges": state / "edges"}
        case BackupPart.ACCESS:
            names = {"access/tokens.json": web / "tokens.json", "access/secret": web / "secret"}
            return {"access/access.sqlite": access_path(settings)} | names


def ledger_file(settings: Settings) -> Path | None:
    """Where the ledger lies; None if that is no file."""
    url = address_of(settings)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def files_in(name: str, path: Path) -> Iterator[tuple[str, Path]]:
    """A file under its name in an archive, or all regular files of a folder. Nothing for what is not there."""
    if path.is_file():
        yield name, path
    elif path.is_dir():
        found = (each for each in sorted(path.rglob("*")) if each.is_file() and not each.is_symlink())
        yield from ((f"{name}/{each.relative_to(path).as_posix()}", each) for each in found if each.suffix != ".tmp")


def copied(path: Path, to: Path) -> None:
    """A file as it is at one instant; of a database, with all that is committed, while others write to it.

    Raises FatalError if it cannot be read.
    """
    try:
        if path.suffix == ".sqlite":
            _copied_database(path, to)
        else:
            to.write_bytes(path.read_bytes())
        to.chmod(0o600)
    except (OSError, sqlite3.Error) as error:
        raise FatalError(f"{path} cannot be copied: {error}") from None


def _copied_database(path: Path, to: Path) -> None:
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
        copy.execute("pragma journal_mode=delete")  # one file, without another beside it
        for (table,) in copy.execute("select name from sqlite_master where type = 'table'").fetchall():
            if table in _LOGGED_IN:
                copy.execute(f'delete from "{table}"')
        copy.commit()


def require_sound_database(path: Path) -> None:
    """Raises FatalError if a database is damaged."""
    with closing(sqlite3.connect(path)) as database:
        try:
            (said,) = database.execute("pragma integrity_check").fetchone()
        except sqlite3.Error as error:
            said = str(error)
    if said != "ok":
        raise FatalError(f"{path.name} is damaged: {said}; take an older archive")

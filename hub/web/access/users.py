"""Local users: added, changed and disabled by an operator's commands, each noted in the trail with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from hub.clock import wall_ms
from hub.errors import FatalError
from hub.web.access.accounts import Role, User
from hub.web.access.chain import AuditedAct
from hub.web.access.file import AccessFile, first_password_path
from hub.web.access.trail import note_acts

FIRST_USER = User("admin", frozenset({Role.OPERATOR}))
_COLUMNS = "name, roles, department, password, must_change, disabled_ms, made_ms"


class LocalUser(NamedTuple):
    """A user as kept. `password`: argon2's hash; `must_change`: they were given it, and have to choose another."""

    user: User
    password: str
    must_change: bool
    disabled_ms: int | None
    made_ms: int

    @property
    def shown(self) -> dict[str, Any]:
        """For the trail and for lists: what they may, and nothing of the password."""
        return {
            "roles": sorted(self.user.roles), "department": self.user.department, "disabled": self.disabled_ms is not None,
        }  # fmt: skip


class Users:
    """The users of one file. `by`: who changes something, as the trail shall have it."""

    def __init__(self, file: AccessFile) -> None:
        self._file = file

    def all(self) -> list[LocalUser]:
        """By name."""
        with self._file.reading() as connection:
            return [_local(row) for row in connection.execute(f"select {_COLUMNS} from accounts order by name")]

    def find(self, name: str) -> LocalUser | None:
        """Disabled ones too."""
        with self._file.reading() as connection:
            return find_local(connection, name)

    def add(self, user: User, password: str, by: str, *, only_first: bool = False) -> bool:
        """With the hash of a one-time password. False, and nothing done, if `only_first` and somebody is there.

        Raises FatalError if the name is taken.
        """
        with self._file.writing() as connection:
            if only_first and connection.execute("select 1 from accounts limit 1").fetchone():
                return False
            if find_local(connection, user.name) is not None:
                raise FatalError(f"there is a user {user.name!r}; `cityhub user list` shows what they may")
            fresh = LocalUser(user, password, True, None, wall_ms())
            note_acts(connection, by, [AuditedAct("user.add", user.name, None, fresh.shown)])
            connection.execute(
                f"insert into accounts({_COLUMNS}) values(?, ?, ?, ?, 1, null, ?)",
                (user.name, _text(user.roles), user.department, password, fresh.made_ms),
            )
        return True

    def set_roles(self, user: User, by: str) -> None:
        """Counts from their next call on. Raises FatalError if there is no such user, or no operator would be left."""
        with self._file.writing() as connection:
            before = _require(connection, user.name)
            note_acts(
                connection, by, [AuditedAct("user.role", user.name, before.shown, before._replace(user=user).shown)]
            )
            connection.execute(
                "update accounts set roles = ?, department = ? where name = ?",
                (_text(user.roles), user.department, user.name),
            )
            _require_operator(connection)

    def set_disabled(self, name: str, disabled: bool, by: str) -> None:
        """Their sessions end with it. Raises FatalError as `set_roles` does."""
        with self._file.writing() as connection:
            before = _require(connection, name)
            after = before._replace(disabled_ms=wall_ms() if disabled else None)
            what = "user.disable" if disabled else "user.enable"
            note_acts(connection, by, [AuditedAct(what, name, before.shown, after.shown)])
            connection.execute("update accounts set disabled_ms = ? where name = ?", (after.disabled_ms, name))
            _require_operator(connection)
            _end_sessions(connection, name)

    def set_password(self, name: str, password: str, by: str, *, must_change: bool) -> None:
        """The hash of another password. Their sessions end with it, and the file that the first one lay in is gone.

        Raises FatalError if there is no such user.
        """
        with self._file.writing() as connection:
            _require(connection, name)
            note_acts(connection, by, [AuditedAct("user.password", name)])
            connection.execute(
                "update accounts set password = ?, must_change = ? where name = ?", (password, must_change, name)
            )
            _end_sessions(connection, name)
        if name == FIRST_USER.name:
            first_password_path(self._file.path).unlink(missing_ok=True)


def find_local(connection: sqlite3.Connection, name: str) -> LocalUser | None:
    row = connection.execute(f"select {_COLUMNS} from accounts where name = ?", (name,)).fetchone()
    return _local(row) if row else None


def _require(connection: sqlite3.Connection, name: str) -> LocalUser:
    found = find_local(connection, name)
    if found is None:
        raise FatalError(f"there is no user {name!r}; `cityhub user list` names them")
    return found


def _require_operator(connection: sqlite3.Connection) -> None:
    roles: Sequence[tuple[str]] = connection.execute("select roles from accounts where disabled_ms is null").fetchall()
    if not any(Role.OPERATOR in text.split(" ") for (text,) in roles):
        raise FatalError("nobody would be left who is an operator; make another first")


def _end_sessions(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("delete from sessions where name = ? and outside is null", (name,))


def _local(row: tuple[Any, ...]) -> LocalUser:
    name, roles, department, password, must_change, disabled_ms, made_ms = row
    user = User(name, frozenset(map(Role, roles.split(" "))), department)
    return LocalUser(user, password, bool(must_change), disabled_ms, made_ms)


def _text(roles: frozenset[Role]) -> str:
    return " ".join(sorted(roles))

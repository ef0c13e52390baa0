"""Sessions of people, kept on the server: the browser has an id that says nothing, and is let in as long as its row is here."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from hub.clock import wall_ms
from hub.errors import FatalError
from hub.millis import HOUR_MS, MINUTE_MS
from hub.web.access.accounts import Role, User
from hub.web.access.chain import AuditedAct
from hub.web.access.file import AccessFile
from hub.web.access.trail import note_acts
from hub.web.access.users import find_local

LONGEST_MS = 12 * HOUR_MS
LONGEST_VIEWER_MS = 30 * 24 * HOUR_MS
"""Of who may look only: a screen on a wall logs in once a month."""
IDLE_MS = HOUR_MS
_SEEN_AGAIN_MS = MINUTE_MS
_ID_BYTES, _SHOWN_CHARS, _MOST_CHARS = 32, 12, 100
_MOST_EACH = 50
"""Of one user; the oldest end for a new one."""


class WebSession(NamedTuple):
    """Somebody who is logged in. `key`: the digest of their cookie; `csrf`: what shows that a call comes from a page of ours.
    `outside`: the provider that vouches for them; None for a local user."""

    key: str
    user: User
    csrf: str
    began_ms: int
    seen_ms: int
    must_change: bool = False
    outside: str | None = None


class SessionRow(NamedTuple):
    """A session as a list shows it."""

    id: str
    name: str
    outside: str | None
    began_ms: int
    seen_ms: int
    until_ms: int
    address: str


class Sessions:
    """Of one file. `now_ms` is the time."""

    def __init__(self, file: AccessFile, now_ms: Callable[[], int] = wall_ms) -> None:
        self._file, self._now_ms = file, now_ms

    def begin(self, user: User, address: str, outside: str | None = None) -> str:
        """The id for the cookie, which is kept nowhere. Noted in the trail."""
        text, now = secrets.token_urlsafe(_ID_BYTES), self._now_ms()
        until = now + (LONGEST_VIEWER_MS if user.roles == {Role.VIEWER} else LONGEST_MS)
        vouched = None if outside is None else json.dumps([outside, sorted(user.roles), user.department])
        with self._file.writing() as connection:
            note_acts(connection, user.name, [AuditedAct("session.begin", user.name, None, {"from": address})])
            connection.execute("delete from sessions where until_ms < ? or seen_ms < ?", (now, now - IDLE_MS))
            connection.execute(
                "delete from sessions where digest in "
                "(select digest from sessions where name = ? order by began_ms desc limit -1 offset ?)",
                (user.name, _MOST_EACH - 1),
            )
            connection.execute(
                "insert into sessions(digest, name, outside, began_ms, seen_ms, until_ms, address) values(?, ?, ?, ?, ?, ?, ?)",
                (_digest(text), user.name, vouched, now, now, until, address),
            )
        return text

    def find(self, text: str) -> WebSession | None:
        """Whose session this id is of; None if of nobody's any more. What a local user may is asked anew each time."""
        if not text or len(text) > _MOST_CHARS:
            return None
        return self._find(_digest(text), _csrf(text))

    def is_alive(self, session: WebSession) -> bool:
        """Asked again and again by what goes on for long."""
        return self._find(session.key, session.csrf) is not None

    def _find(self, key: str, csrf: str) -> WebSession | None:
        now = self._now_ms()
        with self._file.reading() as connection:
            row: tuple[Any, ...] | None = connection.execute(
                "select name, outside, began_ms, seen_ms from sessions where digest = ? and until_ms >= ? and seen_ms >= ?",
                (key, now, now - IDLE_MS),
            ).fetchone()
            if row is None:
                return None
            name, vouched, began_ms, seen_ms = row
            if vouched is not None:
                outside, roles, department = json.loads(vouched)
                user = User(name, frozenset(map(Role, roles)), department)
                return WebSession(key, user, csrf, began_ms, seen_ms, outside=outside)
            local = find_local(connection, name)
        if local is None or local.disabled_ms is not None:
            return None
        return WebSession(key, local.user, csrf, began_ms, seen_ms, local.must_change)

    def is_to_be_seen(self, session: WebSession) -> bool:
        """Whether it is time to say again that it is in use."""
        return self._now_ms() - session.seen_ms > _SEEN_AGAIN_MS

    def see(self, session: WebSession) -> None:
        """It is in use."""
        with self._file.writing() as connection:
            connection.execute("update sessions set seen_ms = ? where digest = ?", (self._now_ms(), session.key))

    def end(self, session: WebSession) -> None:
        with self._file.writing() as connection:
            note_acts(connection, session.user.name, [AuditedAct("session.end", session.user.name)])
            connection.execute("delete from sessions where digest = ?", (session.key,))

    def all(self) -> list[SessionRow]:
        """Those that let somebody in, the newest first."""
        now = self._now_ms()
        with self._file.reading() as connection:
            rows = connection.execute(
                "select digest, name, outside, began_ms, seen_ms, until_ms, address from sessions "
                "where until_ms >= ? and seen_ms >= ? order by began_ms desc", (now, now - IDLE_MS),
            ).fetchall()  # fmt: skip
        return [
            SessionRow(key[:_SHOWN_CHARS], name, json.loads(vouched)[0] if vouched else None, *rest)
            for key, name, vouched, *rest in rows
        ]

    def revoke(self, by: str, *, session_id: str | None = None, name: str | None = None) -> int:
        """End one, or all of a user: how many. Counts from their next call on. Raises FatalError if there is none."""
        chosen = [row for row in self.all() if session_id == row.id or name == row.name]
        if not chosen:
            raise FatalError("there is no such session; `cityhub session list` shows their ids")
        with self._file.writing() as connection:
            note_acts(connection, by, [AuditedAct("session.revoke", row.name, {"id": row.id}) for row in chosen])
            connection.executemany(
                "delete from sessions where substr(digest, 1, ?) = ?", [(_SHOWN_CHARS, row.id) for row in chosen]
            )
        return len(chosen)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _csrf(text: str) -> str:
    return hmac.new(text.encode("utf-8", "surrogatepass"), b"csrf", hashlib.sha256).hexdigest()

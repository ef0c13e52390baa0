"""Logins on their way to the provider and back: each is known to one browser, serves once, and is forgotten soon."""

from __future__ import annotations

import hashlib
import secrets

from hub.clock import wall_ms
from hub.millis import MINUTE_MS
from hub.web.access.file import AccessFile
from hub.web.access.oidc.provider import LoginAttempt

ATTEMPT_MS = 10 * MINUTE_MS
_MOST = 10_000
_BYTES = 32


class LoginAttempts:
    """Of one file."""

    def __init__(self, file: AccessFile) -> None:
        self._file = file

    def begin(self, after: str) -> tuple[LoginAttempt, str]:
        """A login, and what its browser is given to be known by."""
        binding, state, nonce, verifier = (secrets.token_urlsafe(_BYTES) for _ in range(4))
        attempt = LoginAttempt(state, nonce, verifier, after)
        now = wall_ms()
        with self._file.writing() as connection:
            connection.execute("delete from logins where until_ms < ?", (now,))
            connection.execute(
                "delete from logins where state in (select state from logins order by until_ms desc limit -1 offset ?)",
                (_MOST - 1,),
            )
            connection.execute(
                "insert into logins(state, nonce, verifier, after, until_ms) values(?, ?, ?, ?, ?)",
                (_key(attempt.state, binding), attempt.nonce, attempt.verifier, after, now + ATTEMPT_MS),
            )
        return attempt, binding

    def take(self, state: str, binding: str) -> LoginAttempt | None:
        """The login that comes back, this once; None for one that is not this browser's, was taken, or is too old."""
        with self._file.writing() as connection:
            row = connection.execute(
                "delete from logins where state = ? and until_ms >= ? returning nonce, verifier, after",
                (_key(state, binding), wall_ms()),
            ).fetchone()
        return LoginAttempt(state, *row) if row else None


def _key(state: str, binding: str) -> str:
    return hashlib.sha256(f"{state}\x1f{binding}".encode("utf-8", "surrogatepass")).hexdigest()

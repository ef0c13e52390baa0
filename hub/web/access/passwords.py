"""Passwords: hashed with argon2id in threads of their own, a few at a time. Whether a name is known shows in no
answer and no time."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.web.bodies import not_now

_THREADS = 2
"""Each hash takes 64 MiB and tens of milliseconds."""
_MOST_WAITING = 32
_WORD_BYTES = 12


class Passwords:
    """`hasher` is argon2's, which says how dear a hash is."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(_WORD_BYTES))
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._waiting = 0

    def hashed(self, password: str) -> str:
        """What is kept of a password. Takes tens of milliseconds."""
        return self._hasher.hash(password)

    def is_right(self, password: str, kept: str | None) -> bool:
        """Whether this is the password of `kept`; for None, nobody's, it takes as long and is False. Takes tens of milliseconds."""
        try:
            self._hasher.verify(kept or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    async def check(self, password: str, kept: str | None) -> bool:
        """`is_right`, without holding up the loop. Raises HttpProblem (503) while too many wait."""
        if self._waiting >= _MOST_WAITING:
            raise not_now("too many log in at once")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self.is_right, password, kept)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False)


def one_time_password() -> str:
    """96 bits that somebody can type."""
    return secrets.token_urlsafe(_WORD_BYTES)

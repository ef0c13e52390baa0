"""The first user: made by who starts the web for the first time, with a password that serves until they choose their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hub.web.access.accounts import User
from hub.web.access.passwords import Passwords, one_time_password
from hub.web.access.trail import operator_name
from hub.web.access.users import FIRST_USER, Users


def first_password_path(access_path: Path) -> Path:
    """Where it lies until it is used, for the owner alone to read."""
    return access_path.with_name("first-password")


def make_first_user(users: Users, path: Path, say: Callable[[str], None] | None) -> User | None:
    """An operator, if there is nobody at all; None if there is somebody.

    The password goes to `say`, the terminal of who started this; where there is none, and in `path` alone, it is not in any log.
    """
    if users.all():
        return None
    password = one_time_password()
    if not users.add(FIRST_USER, Passwords().hashed(password), operator_name(), only_first=True):
        return None
    with suppress(FileNotFoundError):
        path.unlink()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(password + "\n")
    if say is not None:
        say(password)
    return FIRST_USER

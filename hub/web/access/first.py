"""The first user: made by who starts the web for the first time, with a password that serves until they choose their own."""

from __future__ import annotations

import os
from pathlib import Path

from hub.web.access.passwords import Passwords, one_time_password
from hub.web.access.trail import operator_name
from hub.web.access.users import FIRST_USER, LocalUser, Users


def make_first_user(users: Users, path: Path) -> LocalUser | None:
    """An operator whose password lies in `path`; None if somebody is there already. It is said nowhere else."""
    if users.all():
        return None
    password = one_time_password()
    _write(path, password)
    if not users.add(FIRST_USER, Passwords().hashed(password), operator_name(), only_first=True):
        return None
    return users.find(FIRST_USER.name)


def _write(path: Path, password: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(f"{password}\n")


def forget_first_password(users: Users, path: Path) -> None:
    """Once they have chosen another."""
    first = users.find(FIRST_USER.name)
    if first is None or not first.must_change:
        path.unlink(missing_ok=True)

"""Passwords that take no time."""

from __future__ import annotations

from argon2 import PasswordHasher

from hub.web.access.passwords import Passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def cheap_passwords() -> Passwords:
    return Passwords(CHEAP)

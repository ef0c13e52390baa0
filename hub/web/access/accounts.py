"""Accounts of people and what their roles are for. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import NamedTuple

from hub.bounds import SYSTEM_ID
from hub.errors import FatalError

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
LEAST_PASSWORD_CHARS, MOST_PASSWORD_CHARS = 12, 200


class Role(StrEnum):
    """What somebody may; each account has one or more."""

    VIEWER = "viewer"
    """看板: sees all cases and figures, and does nothing."""
    DISPATCHER = "dispatcher"
    """派单员: gives cases to departments, and what else the desk may."""
    DEPARTMENT = "department"
    """部门人员: sees and answers the cases of one department."""
    SUPERVISOR = "supervisor"
    """督办: grants, designates, reminds and reopens."""
    OPERATOR = "operator"
    """运维: agents, edges, dead letters, rules, accounts. Decides no case."""


EVERYBODY = frozenset(Role)
OVERVIEW = EVERYBODY - {Role.DEPARTMENT}
"""Who sees the whole city."""
DISPATCHING = frozenset({Role.DISPATCHER, Role.SUPERVISOR})
OPERATING = frozenset({Role.OPERATOR})


class User(NamedTuple):
    """A person as the web knows them. `department`: whose cases they see, where DEPARTMENT is among the roles."""

    name: str
    roles: frozenset[Role]
    department: str | None = None

    def may(self, roles: Collection[Role]) -> bool:
        """Whether one of these is among their roles."""
        return not self.roles.isdisjoint(roles)


def checked_user(name: str, roles: Iterable[str], department: str | None) -> User:
    """Raises FatalError for a name, a role or a department that cannot be."""
    if not _NAME.fullmatch(name):
        raise FatalError("a name has 1 to 64 of a-z, 0-9 and ._@- and begins with a letter or digit")
    unknown = sorted(set(roles) - set(Role))
    if unknown or not set(roles):
        raise FatalError(f"give one or more roles out of {', '.join(Role)}")
    found = frozenset(map(Role, roles))
    if (Role.DEPARTMENT in found) != (department is not None):
        raise FatalError("the role department goes with the id of a department, and only that role does")
    if department is not None and not re.fullmatch(SYSTEM_ID, department):
        raise FatalError("a department's id has a-z, 0-9 and _ only")
    return User(name, found, department)


def password_fault(name: str, old: str, new: str) -> str | None:
    """Why a password that somebody chose cannot be theirs; None if it can."""
    if not LEAST_PASSWORD_CHARS <= len(new) <= MOST_PASSWORD_CHARS:
        return f"{LEAST_PASSWORD_CHARS} to {MOST_PASSWORD_CHARS} characters 密码须为 12 至 200 个字符"
    if new == old:
        return "another than the old one 不得与旧密码相同"
    if name in new.casefold() or len(set(new)) < 5:
        return "no repetition, and not your name 不得过于简单或包含用户名"
    return None

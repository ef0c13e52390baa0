"""Who somebody is by what a provider says of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hub.errors import FatalError
from hub.web.access.accounts import Role, User, checked_user

OUTSIDE_PREFIX = "oidc:"
"""Before the names of people whom a provider vouches for: none of them looks like a local user."""
_MOST_NAME_CHARS, _MOST_GROUPS = 100, 1_000


class Granted(NamedTuple):
    """What a group of the provider's comes to."""

    role: Role
    department: str | None


class RoleMap:
    """Which of the provider's groups have which roles."""

    def __init__(self, text: str) -> None:
        """`text`: `GROUP=ROLE; GROUP=department:ID; …`. Raises FatalError for what is none."""
        self._granted = dict(map(_granted, filter(str.strip, text.split(";"))))
        if not self._granted:
            raise FatalError("no group has a role; write GROUP=ROLE; GROUP=department:ID")

    def user_of(self, claims: Mapping[str, Any], name_claim: str, roles_claim: str) -> User:
        """Raises FatalError, which quotes nothing, for who has no name, no role, or two departments."""
        name = claims.get(name_claim)
        if not isinstance(name, str) or not 0 < len(name) <= _MOST_NAME_CHARS or not name.isprintable():
            raise FatalError(f"the provider gives no name in {name_claim!r}")
        granted = {self._granted[group] for group in _groups(claims.get(roles_claim)) if group in self._granted}
        departments = {each.department for each in granted} - {None}
        if not granted:
            raise FatalError("none of your groups has a role here 您所在的组没有任何角色")
        if len(departments) > 1:
            raise FatalError("your groups are of several departments 您所在的组属于多个部门")
        return User(OUTSIDE_PREFIX + name, frozenset(each.role for each in granted), next(iter(departments), None))


def _granted(text: str) -> tuple[str, Granted]:
    group, equals, right = (part.strip() for part in text.rpartition("="))
    role, colon, department = right.partition(":")
    if not (group and equals):
        raise FatalError("a role of a group is written GROUP=ROLE or GROUP=department:ID")
    checked = checked_user("group", [role], department if colon else None)
    return group, Granted(Role(role), checked.department)


def _groups(claim: Any) -> Iterator[str]:
    """A list of texts, or one text with spaces between; of anything else nothing."""
    found = claim.split(" ") if isinstance(claim, str) else claim if isinstance(claim, list) else []
    yield from (each for each in found[:_MOST_GROUPS] if isinstance(each, str))

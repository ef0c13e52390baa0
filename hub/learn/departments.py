"""Ids for the departments that a truth file names in the city's own words."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from hub.backtest.judging.names import slug
from hub.policy.city import label_key
from hub.policy.models import Department, Name

DESK = "dispatch_desk"
_DESK = Department(id=DESK, name=Name(en="Dispatch desk", zh="派单台"))


class DepartmentIds:
    """An id for each department named, the same whenever the same words are given, and the desk beside them."""

    def __init__(self, words: Iterable[str | None]) -> None:
        self.counts = Counter(each for each in words if each)
        self._ids: dict[str, str] = {}
        self.departments: list[Department] = [_DESK]
        taken = {DESK}
        for name in sorted(self.counts):
            known = self._ids.get(label_key(name))
            if known is None:
                known = self._ids[label_key(name)] = _free(slug(name) or _digest(name), taken)
                taken.add(known)
                self.departments.append(Department(id=known, name=Name(en=name[:400], zh=name[:400])))

    def of(self, words: str) -> str:
        """The id of a department that was named."""
        return self._ids[label_key(words)]


def _digest(name: str) -> str:
    return "d_" + hashlib.blake2b(label_key(name).encode(), digest_size=5).hexdigest()


def _free(wanted: str, taken: set[str]) -> str:
    code, number = wanted, 2
    while code in taken:
        code = f"{wanted[:36].rstrip('_')}_{number}"
        number += 1
    return code

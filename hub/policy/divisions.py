"""A city's areas as a tree of codes: what a code of a report stands for, what it lies in, and which code keys its place. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from hub.policy.models import DivisionsFile

_REMEMBERED = 100_000
_MOST_REPLACED = 20
"""A code may have been replaced so many times; `policy check` refuses circles."""


class Divisions:
    """Of one city. What codes of reports stand for is remembered: there are thousands, and they come again and again."""

    def __init__(self, spec: DivisionsFile) -> None:
        self.spec = spec
        self._lengths = sorted({length for lengths in spec.levels.values() for length in lengths}, reverse=True)
        self.key_digits = max(spec.levels[spec.places])
        """Of codes that key places, at most."""
        self._known: dict[tuple[str, str | None, str | None], str | None] = {}
        self.above = lru_cache(maxsize=_REMEMBERED)(self._above)
        """The code itself and those that it lies in, from below to above."""

    def code_of(self, source: str, grid: str | None, code: str | None) -> str | None:
        """The finest code of this city that a report names, by its grid or else by its code; None if neither is one."""
        asked = (source, grid, code)
        try:
            return self._known[asked]
        except KeyError:
            pass
        named = (self._read(source, each) for each in (grid, code) if each)
        found = max((each for each in named if each), key=len, default=None)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[asked] = found
        return found

    def key_of(self, code: str) -> str:
        """The code by which a place is keyed: that of the level that the city names, or of a larger area if no more is known."""
        return next((each for each in self.above(code) if len(each) <= self.key_digits), code)

    def within(self, code: str | None, codes: Collection[str]) -> bool:
        """True if a code is one of these or lies in one of them."""
        return code is not None and any(each in codes for each in self.above(code))

    def nearest(self, code: str | None, codes: Collection[str]) -> str | None:
        """The finest of these that a code is or lies in."""
        return None if code is None else next((each for each in self.above(code) if each in codes), None)

    def fault(self, code: str) -> str | None:
        """What is wrong with a code that the rules name, with the way out; None if it can be one of this city."""
        plain = self._plain(code)
        if plain != code:
            return f"the area code {code!r} is filled up with zeros; write {plain!r}"
        if len(code) not in self._lengths:
            return f"the area code {code!r} has {len(code)} digits; a code of divisions.yaml has {self._said_lengths()}"
        if not code.startswith(self.spec.root) and not self.spec.root.startswith(code):
            return f"the area code {code!r} does not begin with {self.spec.root!r}, the root of divisions.yaml"
        return None

    def _said_lengths(self) -> str:
        said = (f"{' or '.join(map(str, lengths))} ({name})" for name, lengths in self.spec.levels.items())
        return ", ".join(said)

    def _read(self, source: str, text: str) -> str | None:
        own = self.spec.sources.get(source)
        code = own.get(text, text) if own else text
        for _ in range(_MOST_REPLACED):
            if (now := replaced(code, self.spec.replaced)) == code:
                break
            code = now
        if not code.startswith(self.spec.root):
            return None
        code = self._plain(code)
        length = next((each for each in self._lengths if each <= len(code)), 0)
        return code[:length] if length >= len(self.spec.root) else None

    def _plain(self, code: str) -> str:
        """Without the zeros that fill it up: cut where a level ends behind which there are only zeros."""
        for length in reversed(self._lengths):
            if length < len(code) and not code[length:].strip("0"):
                return code[:length]
        return code

    def _above(self, code: str) -> tuple[str, ...]:
        return (code, *(code[:length] for length in self._lengths if length < len(code)))


def replaced(code: str, table: Mapping[str, str]) -> str:
    """A code of before as it is now: the longest of the table that it begins with gives way."""
    if not table:
        return code
    old = next((code[:length] for length in range(len(code), 0, -1) if code[:length] in table), None)
    return code if old is None else table[old] + code[len(old) :]


class CodesWithin(frozenset[str]):
    """Codes that hold whatever lies in them too. To be asked by `in`, of a code or None."""

    divisions: Divisions

    @classmethod
    def of(cls, divisions: Divisions, codes: Iterable[str]) -> CodesWithin:
        """These codes, by the tree of a city."""
        found = cls(codes)
        found.divisions = divisions
        return found

    def __contains__(self, code: object) -> bool:
        if not isinstance(code, str):
            return False
        has = super().__contains__
        return any(has(each) for each in self.divisions.above(code))


def circles(table: Mapping[str, str]) -> Iterator[str]:
    """Codes of a table of replacements that come back to themselves."""
    for old in table:
        code = old
        for _ in range(_MOST_REPLACED):
            now = replaced(code, table)
            if now == code:
                break
            code = now
        else:
            yield old

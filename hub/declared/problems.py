"""Mistakes in what people declare, gathered so that all are told at once, each with its file, line and way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.errors import FatalError
from hub.escaping import shown


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake. `line` counts from 1; 0 means the file as a whole."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return shown(f"{place}: {self.what}")


class DeclarationError(FatalError):
    """A declared file, or folder of files, cannot be used; `problems` holds every mistake found."""

    def __init__(self, subject: str, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        count = len(self.problems)
        head = f"{subject} has {count} mistake{'' if count == 1 else 's'}; mend it and start again"
        super().__init__("\n  ".join([head, *map(str, self.problems)]))


@dataclass
class Problems:
    """The mistakes found so far. `subject` says in words what they are in: a file, or a folder of files."""

    subject: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, file: str, line: int, what: str) -> None:
        self.problems.append(Problem(file, line, what))

    def raise_if_any(self) -> None:
        """Raises DeclarationError when there is a mistake."""
        if self.problems:
            raise DeclarationError(self.subject, self.problems)


def nearest(wrong: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, if one is near enough."""
    return next(iter(difflib.get_close_matches(wrong, sorted(names), n=1)), None)


def hint(wrong: str, names: Iterable[str]) -> str:
    """What was probably meant, or what there is, as the end of a sentence."""
    known = sorted(names)
    if (near := nearest(wrong, known)) is not None:
        return f"did you mean {near!r}?"
    if not known:
        return "there are none"
    return f"known are {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}"

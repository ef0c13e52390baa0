"""Dead letters by cause, sender, owner and age, the most first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hub.inspect.letters import Letter
from hub.inspect.mending.dealt import Dealt, LetterState
from hub.topics import source_in

_CONNECTOR, _SINK, _DEPARTMENT = "connector:", "sink:", "dept."


class LetterGroup(NamedTuple):
    """Letters of one sender, set aside at one stage for one reason. Times in ms."""

    reason: str
    sender: str
    owner: str
    stage: str
    letters: int
    open: int
    sent: int
    closed: int
    oldest_ms: int
    newest_ms: int


def sender_of(letter: Letter) -> str:
    """Whose record it is: a source, a department, or what of the hub made it."""
    if letter.stage.startswith((_CONNECTOR, _SINK)):
        return letter.stage.partition(":")[2]
    topic = letter.letter["origin"]["topic"] if letter.letter["origin"] else ""
    if topic.startswith(_DEPARTMENT):
        return str(topic.split(".")[1])
    return source_in(topic) or topic or letter.stage


def grouped(letters: Iterable[Letter], dealt: Dealt, owners: Mapping[str, str]) -> list[LetterGroup]:
    """`owners`: who answers for a sender. The groups with most that is open come first, then the oldest."""
    found: dict[tuple[str, str, str], list[Letter]] = {}
    for letter in letters:
        found.setdefault((letter.reason, sender_of(letter), letter.stage), []).append(letter)
    groups = [_group(*key, members, dealt, owners) for key, members in found.items()]
    return sorted(groups, key=lambda group: (-group.open, group.oldest_ms, group[:4]))


def _group(
    reason: str, sender: str, stage: str, letters: list[Letter], dealt: Dealt, owners: Mapping[str, str]
) -> LetterGroup:
    states, times = Counter(map(dealt.state, letters)), [letter.letter["at"] for letter in letters]
    return LetterGroup(
        reason, sender, owners.get(sender, ""), stage, len(letters),
        states[LetterState.OPEN], states[LetterState.SENT], states[LetterState.CLOSED], min(times), max(times),
    )  # fmt: skip

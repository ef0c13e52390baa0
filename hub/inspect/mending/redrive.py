"""Which dead letters are sent again, and which are left and why; never faster than they may. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from hub.inspect.letters import Letter
from hub.inspect.mending.contents import faults_if_sent, input_kind
from hub.inspect.mending.dealt import MOST_TIMES, Dealt, LetterState, bytes_digest
from hub.stream.avro.codec import Codec

_T = TypeVar("_T")


class Resent(NamedTuple):
    """A letter that is sent again. `digest`: of its bytes."""

    letter: Letter
    topic: str
    digest: str


class RedrivePlan(NamedTuple):
    """What is sent, in order, and how many letters are left for which reason."""

    sent: list[Resent]
    left: Counter[str]


CANNOT = "cannot be sent; `cityhub dead show ID` says what helps"
WAS_SENT = "was sent before; if that did not help, it is in a later letter"
IS_CLOSED = "closed"
SAME = "the same bytes as another of these"
TOO_OFTEN = f"sent {MOST_TIMES} times already: what is wrong is not mended (--again)"


def plan_redrive(letters: Iterable[Letter], dealt: Dealt, *, named: bool, again: bool) -> RedrivePlan:
    """`named`: each was chosen by its id, not by what it has in common with others; `again`: by who knows that it was sent before.

    The same bytes go once in one run, however many letters have them, and MOST_TIMES times in all: what comes back as a letter each
    time would be twice as many the next time, and so on.
    """
    sent: list[Resent] = []
    left: Counter[str] = Counter()
    taken: set[str] = set()
    for letter in letters:
        found = _resent(letter)
        why = CANNOT if found is None else _objection(found, dealt, taken, named=named, again=again)
        if found is None or why is not None:
            left[why or CANNOT] += 1
            continue
        taken.add(found.digest)
        sent.append(found)
    return RedrivePlan(sent, left)


def _resent(letter: Letter) -> Resent | None:
    if letter.topic is None:
        return None
    return Resent(letter, letter.topic, bytes_digest(letter.topic, letter.letter["key"], letter.letter["value"]))


def _objection(resent: Resent, dealt: Dealt, taken: set[str], *, named: bool, again: bool) -> str | None:
    state = dealt.state(resent.letter)
    if resent.digest in taken:
        return SAME
    if not again and dealt.times(resent.digest) >= MOST_TIMES:
        return TOO_OFTEN
    if named or again:
        return None
    return {LetterState.SENT: WAS_SENT, LetterState.CLOSED: IS_CLOSED}.get(state)


def coming_back(codec: Codec, sent: Iterable[Resent], now_ms: int, ahead_ms: int | None) -> Counter[str]:
    """How many of these would be set aside again at once, for which reason."""
    back: Counter[str] = Counter()
    for each in sent:
        faults = faults_if_sent(codec, input_kind(each.topic), each.letter.letter["value"], now_ms, ahead_ms)
        back.update(fault.reason for fault in faults[:1])
    return back


def paced(
    items: Iterable[_T], per_second: float, now: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[_T]:
    """One after the other, none sooner than the rate allows."""
    begin = now()
    for number, item in enumerate(items):
        wait = begin + number / per_second - now()
        if wait > 0:
            sleep(wait)
        yield item

"""Which topics an agent reads. Topics of sources and departments may come while it runs, and are taken up once the
broker shows them.

A source is taken up once both of its topics exist, that of its events and that of its replies: its cases can be
answered then. A department is taken up once the rules name it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence

from hub.topics import HOMES, city_events, city_replies, dept_updates, source_in

log = logging.getLogger(__name__)
_MOST = 1_000
"""How many sources are taken up that nobody has declared: somebody who may make topics must not fill the memory."""


class Reads:
    """Topics that never change, by their names without the namespace."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics: Sequence[str] = tuple(topics)
        self.listeners: list[Callable[[Sequence[str]], None]] = []
        """Called, from the thread that looks, with the topics that are read from now on and were not before."""

    def look(self, there: Collection[str]) -> None:
        """Update `topics`, given the topics that the broker has."""


class InputReads(Reads):
    """All topics by which sources and departments say something, and the one by which `route` says where their cases are.

    Those of `sources` are read whether they exist or not, so that their absence is reported; `departments` gives
    those that the rules name by now.
    """

    def __init__(self, sources: Iterable[str], departments: Callable[[], Iterable[str]]) -> None:
        self._declared, self._departments = tuple(sources), departments
        super().__init__(self._wanted(()))
        self._looked = False

    def look(self, there: Collection[str]) -> None:
        wanted, before = self._wanted(there), set(self.topics)
        self.topics = wanted
        new = [topic for topic in wanted if topic not in before]
        if new:
            log.warning("taken up 新接入, and read from the beginning or where reading stopped: %s", ", ".join(new))
            for listener in self.listeners if self._looked else ():
                listener(new)
        self._looked = True

    def _wanted(self, there: Collection[str]) -> tuple[str, ...]:
        found = sorted({source for topic in there if (source := source_in(topic)) and _is_whole(source, there)})
        sources = dict.fromkeys((*self._declared, *[each for each in found if each not in self._declared][:_MOST]))
        return (
            *(city_events(each).name for each in sources),
            *(dept_updates(each).name for each in self._departments()),
            HOMES.name,
        )


def _is_whole(source: str, there: Collection[str]) -> bool:
    return city_replies(source).name in there

"""The city as the web knows it. Sources and departments that come while it runs are taken up as soon as their topics are there.

A department that is new has topics once `cityhub policy apply` has taken it, so a folder that is still being written is not read.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from pathlib import Path

from hub.errors import FatalError
from hub.policy import City, load_city
from hub.topics import Topic, city_replies, department_in, source_in
from hub.web.read.records import topics_read

log = logging.getLogger(__name__)
_MOST = 1_000
"""Sources that are taken up though nobody has declared them: whoever may make topics must not fill the memory."""


class LiveCity:
    """`city` is what all answers go by; it is replaced, never changed. `folder`: where a new department is looked for."""

    def __init__(self, city: City, sources: Iterable[str] = (), folder: Path | None = None) -> None:
        self.city = city
        self._sources, self._folder = tuple(sources), folder
        self._refused: frozenset[str] = frozenset()

    def topics(self, there: Collection[str]) -> list[Topic]:
        """What is to be read, where these topics are there; all names without the namespace. May read the folder anew."""
        new = frozenset(each for name in there if (each := department_in(name)) and each not in self.city.departments)
        if new and self._folder is not None:
            self._look_for(new, self._folder)
        found = sorted({each for name in there if (each := source_in(name)) and each not in self._sources})
        found = [each for each in found if city_replies(each).name in there]
        return self.city.kept(topics_read((*self._sources, *found[:_MOST]), self.city.departments))

    def _look_for(self, departments: frozenset[str], folder: Path) -> None:
        """Take the folder's city if it has one of these. Topics of departments that nobody has any more are passed over."""
        try:
            city = load_city(folder)
        except FatalError as error:
            if departments != self._refused:
                log.warning("new departments are not taken up, as %s", error)
            self._refused = departments
            return
        taken = sorted(departments & city.departments.keys())
        if taken:
            log.info("taken up 新接入: %s", ", ".join(taken))
            self.city = city

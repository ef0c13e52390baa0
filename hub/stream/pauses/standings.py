"""Which sources are paused and which were let go on, as hub.sources says it: the last record about a topic counts.
Pure."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Annotated

import msgspec

from hub.bounds import CONTROL_CHARACTERS
from hub.packed import json_decoder
from hub.stream.kafka.standpoint import is_made_anew

log = logging.getLogger(__name__)
_Text = Annotated[str, msgspec.Meta(max_length=500, pattern=rf"^[^{CONTROL_CHARACTERS}]*\Z")]
_Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
_TOPIC = re.compile(r"[\w.-]{1,249}", re.ASCII)


HUB = "hub"
"""The key of the record about the hub itself."""


class Standing(msgspec.Struct, frozen=True):
    """The last word on one source's topic. JSON, so that people can read it too."""

    paused: bool
    at_ms: _Number
    by: _Text
    """The worker that paused the source, or the person who let it go on."""
    why: _Text = ""
    through: dict[_Number, _Number] = msgspec.field(default_factory=dict)
    """For a source that was let go on: the offset at which each partition ended then. What lies before is known to be
    bad, and no reason to pause it again."""
    log: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """Id of the topic whose offsets `through` names: one that is deleted and made anew has another, and begins at 0 again.
    Empty: not known."""
    skip: bool = False
    """For a source that was let go on: true if what lies before `through` is not to be read."""
    partitions: _Number = 0
    """In the record under `HUB`: the hub's number of partitions, which never changes."""

    def through_in(self, log: str) -> Mapping[int, int]:
        """`through` of the topic with this id; nothing if another one was meant. An id that is not known speaks for any."""
        return {} if is_made_anew(self.log, log) else self.through

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


_decode = json_decoder(Standing)


class Standings:
    """The last word on each topic, by its name without the namespace. A topic of which nothing was said is read."""

    def __init__(self) -> None:
        self._of: dict[str, Standing] = {}
        self._lies_at: dict[str, int] = {}
        self.unreadable = 0
        """How many records were none of the hub's."""

    def take(self, key: bytes | None, value: bytes | None, offset: int | None = None) -> bool:
        """One record of hub.sources, oldest first; whether it says anything new. What cannot be read is stepped over.

        `offset`: where it lies there; None: not known yet.
        """
        try:
            topic = (key or b"").decode()
            said = None if value is None else _decode(value)
        except ValueError:
            topic, said = "", None
        if not _TOPIC.fullmatch(topic):
            self.unreadable += 1
            log.warning("hub.sources: a record that is none of the hub's is stepped over, %s so far", self.unreadable)
            return False
        if offset is not None:
            self._lies_at[topic] = offset
        if self._of.get(topic) == said:
            return False
        if said is None:
            del self._of[topic]
        else:
            self._of[topic] = said
        return True

    def begin_anew(self) -> None:
        """Forget what was said: the topic that said it is gone."""
        self._of.clear()
        self._lies_at.clear()

    def forget_before(self, low: int) -> bool:
        """Forget what was said before an offset: nobody who reads from now on hears of it. True if anything was."""
        before = len(self._of)
        for topic in [topic for topic, offset in self._lies_at.items() if offset < low]:
            del self._lies_at[topic]
            self._of.pop(topic, None)
        return len(self._of) < before

    @property
    def partitions(self) -> int:
        """The number of partitions for which the hub was made; 0 if nobody has said."""
        hub = self._of.get(HUB)
        return 0 if hub is None else hub.partitions

    def get(self, topic: str) -> Standing | None:
        return self._of.get(topic)

    @property
    def paused(self) -> dict[str, Standing]:
        """The sources that are paused, by topic."""
        return {topic: each for topic, each in list(self._of.items()) if each.paused}

    @property
    def let_go_on(self) -> dict[str, Standing]:
        """The sources that were paused and are resumed, by topic."""
        return {topic: each for topic, each in self._of.items() if not each.paused}

"""Reads hub.sources from its beginning, and on as it grows."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from hub.backoff import ask_until_answered
from hub.errors import RetriableError
from hub.metrics import CONTROL_REJECTS
from hub.settings import Settings
from hub.signing import is_signed
from hub.stream.kafka.client import consumer_config, kafka_errors, missing
from hub.stream.kafka.headers import headers_of
from hub.stream.kafka.unpacking import Steps, cannot_be_unpacked
from hub.stream.pauses.standings import Standings
from hub.topics import SOURCES

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 5.0
_GIVE_UP_SECONDS = 60.0
_BATCH = 1000


class SourceLog:
    """One reader; `standings` is what it has read.

    Raises FatalError if the topic is missing, RetriableError if it cannot be read.
    """

    def __init__(self, settings: Settings, role: str) -> None:
        self.standings = Standings()
        self._what = f"{role}: reading {settings.topic(SOURCES.name)}"
        self._place = TopicPartition(settings.topic(SOURCES.name), 0, OFFSET_BEGINNING)
        self._reached = 0
        self._secret = settings.control_secret
        self._is_caught_up = False
        self._consumer = Consumer(
            consumer_config(settings, f"{role}-sources", f"{settings.namespace}sources-{uuid.uuid4().hex}")
            | {"enable.partition.eof": True}
        )
        self._steps = Steps(settings, self._consumer)
        with kafka_errors(self._what):
            self._consumer.assign([self._place])

    def require(self) -> None:
        """Raise FatalError if the topic is not there, rather than wait for it."""
        with kafka_errors(self._what):
            found = self._consumer.list_topics(self._place.topic, timeout=_TIMEOUT_SECONDS).topics.get(
                self._place.topic
            )
        if found is None or found.error is not None:
            raise missing(self._place.topic)

    def catch_up(self, alive: Callable[[], None]) -> None:
        """Read all that is there now. Blocks; calls `alive` after each batch.

        While an open transaction of a dead worker hides the end it waits: the broker aborts that one after its timeout.
        """
        until = time.monotonic() + _GIVE_UP_SECONDS
        end = ask_until_answered(
            self._end, _GIVE_UP_SECONDS, meanwhile=alive
        )  # only just made, it has no leader for a moment
        while self._reached < end:
            self.read(0.2)
            alive()
            if time.monotonic() > until:
                raise RetriableError(f"{self._what}: not at its end after {_GIVE_UP_SECONDS:.0f} s")
        self._is_caught_up = True

    def _end(self) -> int:
        with kafka_errors(self._what):
            return int(self._consumer.get_watermark_offsets(self._place, timeout=_TIMEOUT_SECONDS)[1])

    def read(self, wait_seconds: float = 0.0) -> bool:
        """Read what was written since. True if it says anything new."""
        with kafka_errors(self._what):
            messages = self._consumer.consume(_BATCH, wait_seconds)
        changed, unsigned = False, 0
        for message in messages:
            error = message.error()
            if error is None or error.code() == KafkaError._PARTITION_EOF:
                changed |= self._begun_anew(message.offset())
            if error is None:
                self._reached = message.offset() + 1
                if self._is_signed(message):
                    changed |= self.standings.take(message.key(), message.value(), message.offset())
                else:
                    unsigned += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._reached = max(self._reached, message.offset())
            elif cannot_be_unpacked(error):
                self._steps.over(message)
            elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise missing(self._place.topic)
        if unsigned:
            self._say_unsigned(unsigned)
        return self._cut() or changed

    def _is_signed(self, message: Message) -> bool:
        key = (message.key() or b"").decode(errors="replace")
        return is_signed(message.value(), headers_of(message), self._secret, self._place.topic, key)

    def _say_unsigned(self, words: int) -> None:
        """The metric, and so an alert, is about what comes: what lay there before may be from before there was a secret."""
        log.warning(
            "%s: %d words that are not signed with CITYHUB_CONTROL_KEY are not believed; who is paused shows `cityhub source list`",
            self._place.topic, words,
        )  # fmt: skip
        if self._is_caught_up:
            CONTROL_REJECTS.labels("unsigned").inc(words)

    def _begun_anew(self, offset: int) -> bool:
        """Forget what was read if the topic is another by now, which ends before that: whoever starts later knows nothing of it,
        and `cityhub source` neither."""
        if offset >= self._reached:
            return False
        log.warning("%s: it was made anew; who was paused is read again", self._what)
        self.standings.begin_anew()
        self._reached = offset
        return True

    def _cut(self) -> bool:
        """Forget what was said of what is deleted by now, for the same reason. Asks nobody: each answer to a fetch says where the
        topic begins."""
        low, _ = self._consumer.get_watermark_offsets(self._place, cached=True)
        before = self.standings.paused
        if not self.standings.forget_before(low):
            return False
        log.warning(
            "%s: its records before %d were deleted, and what they said counts no more; read again, and paused again at its limit, "
            "is: %s",
            self._what, low, ", ".join(sorted(before.keys() - self.standings.paused.keys())) or "nobody",
        )  # fmt: skip
        return True

    def close(self) -> None:
        self._consumer.close()


def as_they_stand(settings: Settings, role: str) -> Standings:
    """What hub.sources says now. Raises FatalError if it is missing, RetriableError if it cannot be read."""
    reader = SourceLog(settings, role)
    try:
        reader.require()
        reader.catch_up(lambda: None)
    finally:
        reader.close()
    return reader.standings

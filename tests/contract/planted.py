"""Sources with one fault each, planted for the kit to catch. No tests of its own."""

from __future__ import annotations

import logging
import threading
from typing import Any, ClassVar

from hub.errors import Reason, RejectedRecordError
from hub.sdk.contract import Batch, Config, Context, Item, Position, Source
from hub.sdk.errors import TransientError
from hub.sdk.sources.http.client import retry_after

SECRET = "s3cr3t-by-test"


class Lines(list[str]):
    """What the system says, and how it is."""

    def __init__(self) -> None:
        super().__init__()
        self.away, self.busy, self.calls = False, "", 0
        self.strange: dict[str, str] = {}
        """By line, the name of one more field."""
        self.garbled: set[str] = set()

    def call(self) -> None:
        self.calls += 1
        if self.away:
            raise TransientError("it cannot be reached")
        if self.busy:
            text, self.busy = self.busy, ""
            raise TransientError("it has too many calls", wait_seconds=retry_after(text))


class Sound(Source):
    """Lines of a list, two a batch. Each fault is one change of it."""

    class Config(Config):
        password: str = "hidden"

    ends = True

    def __init__(self, lines: Lines) -> None:
        super().__init__(self.Config(), Context("planted"))
        self.lines, self.at, self.open = lines, 0, False
        self.budget = 0
        """Calls that are left of it; 0: there is none."""

    def check(self) -> str:
        return f"{len(self.lines)} lines"

    def connect(self, position: Position | None) -> None:
        self.at, self.open = (position or {"at": 0})["at"], True

    def items(self) -> list[Item]:
        return [
            self.item(text, "list", self.at + index + 1) for index, text in enumerate(self.lines[self.at : self.at + 2])
        ]

    def item(self, text: str, of: str, number: int) -> Item:
        if text in self.lines.garbled:
            return Item(None, of, number, text.encode(), fault=RejectedRecordError(Reason.BAD_ROW, "it is garbled"))
        return Item({"line": text} | self.more(text), of, number)

    def more(self, text: str) -> dict[str, str]:
        return {self.lines.strange[text]: "!"} if text in self.lines.strange else {}

    def read(self, timeout_seconds: float) -> Batch:
        if self.spent():
            return Batch(wait_seconds=10)
        self.lines.call()
        items = self.items()
        self.at += len(items)
        return Batch(items, self.position(), last=self.ends and self.at >= len(self.lines))

    def spent(self) -> bool:
        if self.budget == 1:
            return True
        self.budget -= 1
        return False

    def position(self) -> Position | None:
        return {"at": self.at}

    def close(self) -> None:
        self.open = False


class SavedEarly(Sound):
    """Its position is that of the batch behind."""

    def position(self) -> Position:
        return {"at": self.at + 2}


class Emptied(Sound):
    def position(self) -> Position:
        return {"at": self.at} if self.at < len(self.lines) else {}


class Growing(Sound):
    def position(self) -> Position:
        return {"at": self.at, "seen": self.lines[: self.at]}


class Shared(Sound):
    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.own: dict[str, Any] = {}

    def position(self) -> Position:
        self.own["at"] = self.at
        return self.own


class Looping(Sound):
    """Asks for the first page again where there is no other."""

    def read(self, timeout_seconds: float) -> Batch:
        if self.at >= len(self.lines):
            self.at = 0
        return Batch(self.items(), {"at": self.at})


class Forgetful(Sound):
    """Begins behind what is there now."""

    def connect(self, position: Position | None) -> None:
        self.at = len(self.lines) if position else 0


class Backwards(Sound):
    def connect(self, position: Position | None) -> None:
        super().connect(position)
        if position:
            self.lines[self.at :] = self.lines[self.at :][::-1]


class Taking(Sound):
    def check(self) -> str:
        return self.lines.pop()


class ClosedOnce(Sound):
    def close(self) -> None:
        if not self.open:
            raise RuntimeError("closed")
        super().close()


class Nowhere(Sound):
    def items(self) -> list[Item]:
        return [item._replace(number=1) for item in super().items()]


class Telling(Sound):
    @property
    def system(self) -> str:
        return f"https://hub:{SECRET}@host"


class Quiet(Sound):
    """Where nothing is new it goes on behind a line that is not there yet."""

    def position(self) -> Position:
        return {"at": self.at}

    def connect(self, position: Position | None) -> None:
        super().connect(position)
        if position and self.at >= len(self.lines):
            self.at += 1


class SoundQueue(Sound):
    """A system that remembers by itself: a line is there until it is acknowledged."""

    remembers = True

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.in_hand = 0

    def connect(self, position: Position | None) -> None:
        self.in_hand, self.open = 0, True

    def read(self, timeout_seconds: float) -> Batch:
        if self.spent():
            return Batch(wait_seconds=10)
        self.lines.call()
        lines = self.lines[self.in_hand : self.in_hand + 2]
        items = [self.item(text, "queue", self.at + index + 1) for index, text in enumerate(lines)]
        self.in_hand += len(items)
        self.at += len(items)
        return Batch(items)

    def ack(self, batch: Batch) -> None:
        del self.lines[: len(batch.items)]
        self.in_hand -= len(batch.items)


class Hasty(SoundQueue):
    """What it hands out is gone."""

    def read(self, timeout_seconds: float) -> Batch:
        batch = super().read(timeout_seconds)
        super().ack(batch)
        return batch

    def ack(self, batch: Batch) -> None:
        pass


class Together(Sound):
    """All of its kind have one cursor."""

    place: ClassVar[list[int]] = [0]

    @property
    def at(self) -> int:
        return self.place[0]

    @at.setter
    def at(self, value: int) -> None:
        self.place[0] = value


class Impatient(Sound):
    """Comes again when it likes."""

    def read(self, timeout_seconds: float) -> Batch:
        try:
            return super().read(timeout_seconds)
        except TransientError as error:
            raise TransientError(str(error)) from error


class Patient(Sound):
    """Takes a refusal for a page without anything on it."""

    def read(self, timeout_seconds: float) -> Batch:
        try:
            return super().read(timeout_seconds)
        except TransientError:
            return Batch([], self.position())


class Spendthrift(Sound):
    def spent(self) -> bool:
        return False


class Blinkered(Sound):
    """Knows its fields."""

    def more(self, text: str) -> dict[str, str]:
        return {}


class Brittle(Sound):
    """Ends at what it cannot take apart."""

    def item(self, text: str, of: str, number: int) -> Item:
        if text in self.lines.garbled:
            raise RuntimeError("no JSON")
        return super().item(text, of, number)


class Dropping(Sound):
    """Steps over what it cannot take apart."""

    def items(self) -> list[Item]:
        found = super().items()
        self.at += sum(item.values is None for item in found)
        return [item for item in found if item.values is not None]


class Talkative(Sound):
    """Brings something every time, so that it never seems silent."""

    def items(self) -> list[Item]:
        found = super().items()
        return found or [Item({"line": "alive"}, "list", self.at + 1)]


class Stuck(Sound):
    """Comes back when there is something."""

    def read(self, timeout_seconds: float) -> Batch:
        if self.at >= len(self.lines) and self.open:
            threading.Event().wait(240)
        return super().read(timeout_seconds)


class Grumbling(Sound):
    """Says what the runner says."""

    def read(self, timeout_seconds: float) -> Batch:
        try:
            return super().read(timeout_seconds)
        except TransientError:
            logging.getLogger(__name__).warning("the system is away")
            raise


class Hopeless(Sound):
    """Gives up where it should wait."""

    def read(self, timeout_seconds: float) -> Batch:
        try:
            return super().read(timeout_seconds)
        except TransientError as error:
            raise RuntimeError("it is away") from error


FAULTS: dict[type[Sound], str] = {
    SavedEarly: "test_a_crash_behind_any_batch_loses_nothing_and_keeps_order",
    Backwards: "test_a_crash_behind_any_batch_loses_nothing_and_keeps_order",
    Looping: "test_a_crash_behind_any_batch_loses_nothing_and_keeps_order",
    Hasty: "test_what_was_not_acknowledged_comes_again",
    Forgetful: "test_what_comes_later_is_read_from_the_position",
    Emptied: "test_positions_are_small_plain_and_never_empty",
    Growing: "test_positions_are_small_plain_and_never_empty",
    Shared: "test_a_position_is_not_changed_after_it_was_given",
    Quiet: "test_nothing_new_is_no_loop_and_moves_nothing_back",
    Taking: "test_check_changes_nothing",
    ClosedOnce: "test_close_may_come_twice_and_first",
    Nowhere: "test_items_say_where_they_stand",
    Telling: "test_no_secret_is_shown",
    Together: "test_a_backfill_beside_it_moves_nothing",
    Impatient: "test_who_has_too_many_calls_is_given_the_time_that_it_asks_for",
    Patient: "test_who_has_too_many_calls_is_given_the_time_that_it_asks_for",
    Spendthrift: "test_a_budget_of_calls_is_kept",
    Blinkered: "test_a_field_that_nobody_expected_is_handed_over",
    Brittle: "test_one_that_cannot_be_taken_apart_stops_nothing",
    Dropping: "test_one_that_cannot_be_taken_apart_stops_nothing",
    Talkative: "test_silence_is_no_item_and_reading_comes_back",
    Stuck: "test_silence_is_no_item_and_reading_comes_back",
    Grumbling: "test_a_loss_is_an_error_that_passes_and_only_the_runner_speaks_of_it",
    Hopeless: "test_a_loss_is_an_error_that_passes_and_only_the_runner_speaks_of_it",
}

"""Whether a source keeps its contract (hub/sdk/contract.py), rule by rule. Needs pytest and no network of its own:

    from hub.testing.conformance import Bench, SourceConformance

    class TestMine(SourceConformance):
        @pytest.fixture
        def bench(self, tmp_path):
            return Bench(make=lambda: MySource(...), add=system.add_rows, secrets=("s3cr3t",))

Each rule of it has a planted fault which it catches, in tests/contract/test_conformance.py.
"""

from __future__ import annotations

import copy
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from unittest import SkipTest

from hub.sdk.contract import Batch, Item, Position, Source
from hub.sdk.errors import TransientError
from hub.sdk.running.positions import MAX_POSITION_BYTES

_MOST_READS = 2000
"""So many reads without an end are a loop."""
_BACK_SECONDS = 120.0
"""A `read` of 0.05 s that has not come back by then never does."""
_TRIES = 3
_QUIET_READS = 4


@dataclass(frozen=True)
class Bench:
    """A source on a system that the test has in hand.

    `make` gives a new source of that system, as a new process would, which reads to the end of what is there. `add(n)` has the
    system say `n` new things. `identity` tells items apart: the same thing has the same one in every reading.

    The others are for rules that not every kind of system can break. Where one is None, `cannot` says by its name why this system
    can do no such thing, in a sentence, and with that the rule is skipped; where it does not, the rule is broken.
    `away(True)` takes the system away, `away(False)` brings it back as it was. `busy(text)` has it answer the next call that it
    has too many, with this Retry-After. `slow()` gives a source with a budget of six calls a minute, and what counts its calls.
    `strange(name)` has the system say one new thing, with one more field of this name; `garble()` one that cannot be taken apart.
    `live()` gives a source that does not end.
    """

    make: Callable[[], Source]
    add: Callable[[int], None]
    identity: Callable[[Item], str] = lambda item: json.dumps(item.values, sort_keys=True, default=str)
    secrets: Sequence[str] = ()
    away: Callable[[bool], None] | None = None
    busy: Callable[[str], None] | None = None
    slow: Callable[[], tuple[Source, Callable[[], int]]] | None = None
    strange: Callable[[str], None] | None = None
    garble: Callable[[], None] | None = None
    live: Callable[[], Source] | None = None
    says_last: bool = False
    """Its end is a batch that says `last`, and one without anything is a pause. False: either is the end."""
    takes_away: bool = False
    """What one has read is there for no other (a drop folder)."""
    cannot: Mapping[str, str] = field(default_factory=dict)

    def has(self, name: str) -> Any:
        """What the bench can do under this name. SkipTest if its system can do no such thing; AssertionError if nobody says why."""
        return had(self, name)

    def read(self, source: Source, position: Position | None, batches: int | None = None) -> list[Batch]:
        """Connect at `position` and read to the end, acknowledging each batch; or so many batches, killed with the last in hand.

        AssertionError without an end.
        """
        source.connect(copy.deepcopy(position))
        found: list[Batch] = []
        for _ in range(_MOST_READS):
            batch = source.read(0.05)
            found.append(batch)
            if len(found) == batches:
                return found
            source.ack(batch)
            if self.is_the_end(batch):
                return found
        raise AssertionError(f"{_MOST_READS} reads and no end: a loop")

    def is_the_end(self, batch: Batch) -> bool:
        return batch.last or not (self.says_last or batch.items or batch.after is not None)

    def names(self, batches: Sequence[Batch]) -> list[str]:
        return [self.identity(item) for batch in batches for item in batch.items]


def had(bench: Any, name: str) -> Any:
    """What a bench can do under a name, or SkipTest with the word that it has for it; AssertionError if it has none."""
    found, why = getattr(bench, name), bench.cannot.get(name)
    if found is None and why:
        raise SkipTest(why)
    assert found is not None, (
        f"the bench has no `{name}`: give it, or say under `cannot` why its system can do no such thing"
    )
    return found


def behind(batches: Sequence[Batch], before: Position | None = None) -> Position | None:
    """The position that a runner has stored after these batches."""
    for batch in batches:
        before = batch.after if batch.after is not None else before
    return before


class SourceConformance:
    """The rules. `bench` is the source under test."""

    def test_a_crash_behind_any_batch_loses_nothing_and_keeps_order(self, bench: Bench) -> None:
        if bench.make().remembers:
            raise SkipTest("its system remembers: it has no positions, and the next rule holds for it")
        bench.add(7)
        whole = bench.names(_closing(bench, bench.make(), None))
        assert len(set(whole)) >= 7, "not all that the system said was read"
        count = len(_closing(bench, bench.make(), None))
        for killed in range(1, count + 1):
            before = _closing(bench, bench.make(), None, killed)
            # the last batch was published and its position not stored: it comes again, as it was
            stored = behind(before[:-1])
            after = bench.names(_closing(bench, bench.make(), stored))
            arrived = bench.names(before[:-1])
            assert set(arrived) | set(after) >= set(whole), f"killed behind batch {killed}: something is lost"
            assert [each for each in whole if each in after] == list(dict.fromkeys(after)), "the order is another"

    def test_what_was_not_acknowledged_comes_again(self, bench: Bench) -> None:
        if not bench.make().remembers:
            raise SkipTest("its position says what comes again: the rule before holds for it")
        bench.add(7)
        arrived: list[str] = []
        for _ in range(3):
            source = bench.make()
            source.connect(None)
            kept = source.read(0.05)
            source.ack(kept)
            arrived += bench.names([kept])
            source.read(0.05)
            source.close()  # killed with that in hand
        arrived += bench.names(_closing(bench, bench.make(), None))
        assert len(set(arrived)) >= 7, "what was read and not acknowledged is lost"

    def test_what_comes_later_is_read_from_the_position(self, bench: Bench) -> None:
        bench.add(5)
        first = _closing(bench, bench.make(), None)
        bench.add(4)
        later = _closing(bench, bench.make(), behind(first))
        known = set(bench.names(first))
        assert len({each for each in bench.names(later) if each not in known}) >= 4, "what came later was not read"

    def test_positions_are_small_plain_and_never_empty(self, bench: Bench) -> None:
        sizes: list[int] = []
        source, position = bench.make(), None
        for _ in range(4):
            bench.add(25)
            batches = _closing(bench, source, position)
            for batch in batches:
                if batch.after is not None:
                    assert batch.after, "an empty position would replace a real one"
                    assert json.loads(json.dumps(batch.after)) == batch.after, "a position is plain JSON"
            position = behind(batches, position)
            sizes.append(len(json.dumps(position)))
        assert position is not None or source.remembers, "nobody knows how far it came"
        assert sizes[-1] <= MAX_POSITION_BYTES
        assert sizes[-1] - sizes[0] < 200, "the position grows with what was read"

    def test_a_position_is_not_changed_after_it_was_given(self, bench: Bench) -> None:
        bench.add(7)
        source = bench.make()
        source.connect(None)
        first = source.read(0.05)
        given = copy.deepcopy(first.after)
        source.read(0.05)
        source.close()
        assert first.after == given, "it is the source's own object: what was stored would not be what was acknowledged"

    def test_nothing_new_is_no_loop_and_moves_nothing_back(self, bench: Bench) -> None:
        bench.add(3)
        source = bench.make()
        position = behind(_closing(bench, source, None))
        again = behind(_closing(bench, source, position), position)
        bench.add(1)
        assert bench.names(_closing(bench, bench.make(), again)), "what came after a quiet reading is lost"

    def test_check_changes_nothing(self, bench: Bench) -> None:
        bench.add(3)
        assert bench.make().check(), "check says in a sentence what is there"
        assert len(set(bench.names(_closing(bench, bench.make(), None)))) >= 3, "check has taken something"

    def test_close_may_come_twice_and_first(self, bench: Bench) -> None:
        source = bench.make()
        source.close()
        source.connect(None)
        source.close()
        source.close()

    def test_items_say_where_they_stand(self, bench: Bench) -> None:
        bench.add(5)
        items = [item for batch in _closing(bench, bench.make(), None) for item in batch.items]
        assert all(item.of and item.number > 0 for item in items)
        assert len({item.where for item in items}) == len(items), "two items stand at one place"
        assert all(item.fault for item in items if item.values is None), "without values and without a reason"

    def test_no_secret_is_shown(self, bench: Bench) -> None:
        bench.add(2)
        source = bench.make()
        batches = _closing(bench, source, None)
        shown = " ".join(
            [
                repr(source),
                repr(source.config),
                str(source.config),
                source.system,
                json.dumps([each.after for each in batches]),
            ]
            + [item.where for batch in batches for item in batch.items]
        )
        assert not [secret for secret in bench.secrets if secret in shown], "a secret is shown"

    def test_a_backfill_beside_it_moves_nothing(self, bench: Bench) -> None:
        if bench.make().remembers:
            raise SkipTest("its system tells nothing twice: nothing is filled back from it")
        if bench.takes_away:
            raise SkipTest("what one has read is there for no other: a back-fill reads what was put away")
        bench.add(7)
        whole = bench.names(_closing(bench, bench.make(), None))
        live = bench.make()
        with _closed(live):
            live.connect(None)
            found = [live.read(0.05)]
            live.ack(found[0])
            beside = bench.names(_closing(bench, bench.make(), None))
            while not bench.is_the_end(found[-1]) and len(found) < _MOST_READS:
                found.append(live.read(0.05))
                live.ack(found[-1])
        assert beside == whole, "read beside another it reads something else"
        assert bench.names(found) == whole, "another that reads beside it has moved it"

    def test_who_has_too_many_calls_is_given_the_time_that_it_asks_for(self, bench: Bench) -> None:
        busy = bench.has("busy")
        at = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
        for text, least, most in (("7", 7, 7), (at, 300, 600)):
            bench.add(7)
            source = bench.make()
            with _closed(source):
                source.connect(None)
                found = [source.read(0.05)]
                busy(text)
                error = _lost(source, found)
            assert error.asked, "what the system asked for is not passed on"
            assert least <= error.wait_seconds <= most, "it is not as long as the system asked for"
            later = bench.names(_closing(bench, bench.make(), behind(found)))
            assert len({*bench.names(found), *later}) >= 7, "what was read before the refusal is lost"

    def test_a_budget_of_calls_is_kept(self, bench: Bench) -> None:
        slow = bench.has("slow")
        bench.add(30)
        source, calls = slow()
        with _closed(source):
            began = time.monotonic()
            source.connect(None)
            for _ in range(5):
                source.read(0.01)
            assert calls() <= 2 + (time.monotonic() - began) / 10, "of six calls a minute several went out at once"

    def test_a_field_that_nobody_expected_is_handed_over(self, bench: Bench) -> None:
        strange = bench.has("strange")
        bench.add(3)
        position = behind(_closing(bench, bench.make(), None))
        strange("surprise")
        items = [item for batch in _closing(bench, bench.make(), position) for item in batch.items]
        fields = {name.rpartition(".")[2] for item in items for name in item.values or ()}
        assert "surprise" in fields, "a field that came is dropped, and nobody learns of it"

    def test_one_that_cannot_be_taken_apart_stops_nothing(self, bench: Bench) -> None:
        garble = bench.has("garble")
        bench.add(3)
        position = behind(_closing(bench, bench.make(), None))
        garble()
        found = _closing(bench, bench.make(), position)
        faults = [item.fault for batch in found for item in batch.items if item.values is None]
        assert faults, "what cannot be taken apart is no item: nobody learns of it"
        assert all(faults), "without values and without a reason"
        bench.add(2)
        later = _closing(bench, bench.make(), behind(found, position))
        assert sum(item.values is not None for batch in later for item in batch.items) >= 2, (
            "what came behind it is lost"
        )

    def test_silence_is_no_item_and_reading_comes_back(self, bench: Bench) -> None:
        bench.add(3)
        position = behind(_closing(bench, bench.make(), None))
        source = (bench.live or bench.make)()
        with _closed(source):
            source.connect(copy.deepcopy(position))
            quiet = 0
            for _ in range(_MOST_READS):  # what it reads once more of before, and then nothing
                batch = _in_time(source)
                quiet = 0 if batch.items else quiet + 1
                if batch.last or quiet == _QUIET_READS:
                    return
        raise AssertionError("where nothing is new it brings something again and again: nobody sees that it is silent")

    def test_a_loss_is_an_error_that_passes_and_only_the_runner_speaks_of_it(self, bench: Bench) -> None:
        away = bench.has("away")
        bench.add(5)
        source = bench.make()
        position = behind(_closing(bench, source, None))
        bench.add(2)
        away(True)
        with _heard() as said:
            for _ in range(_TRIES):
                with _closed(source):
                    error = _lost_from(source, position)
                    assert str(error), "it says what is away"
            away(False)
            later = bench.names(_closing(bench, source, position))
        assert len(set(later)) >= 2, "what came while it was away is lost"
        assert not said, "the runner says a loss once and a recovery once; the source says it too"


@contextmanager
def _closed(source: Source) -> Iterator[None]:
    try:
        yield
    finally:
        source.close()


def _lost(source: Source, batches: list[Batch]) -> TransientError:
    """Read on, into `batches`, until the system is away or has enough. AssertionError if that is never said."""
    try:
        for _ in range(_MOST_READS):
            batch = source.read(0.05)
            batches.append(batch)
            assert not batch.last, "it reads to the end as if nothing were"
    except TransientError as error:
        return error
    raise AssertionError("the system is away, or has enough, and nobody is told")


def _lost_from(source: Source, position: Position | None) -> TransientError:
    try:
        source.connect(copy.deepcopy(position))
    except TransientError as error:
        return error
    return _lost(source, [])


def _in_time(source: Source) -> Batch:
    """The next batch. AssertionError if it does not come back."""
    found: list[Batch] = []
    failed: list[BaseException] = []

    def read() -> None:
        try:
            found.append(source.read(0.05))
        except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
            failed.append(error)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    reading.join(_BACK_SECONDS)
    if failed:
        raise failed[0]
    assert found, f"read(0.05) has not come back after {_BACK_SECONDS:.0f} s: nobody can pause or stop it"
    return found[0]


@contextmanager
def _heard() -> Iterator[list[logging.LogRecord]]:
    """What anybody says in the log meanwhile, from warnings on."""
    said: list[logging.LogRecord] = []
    ear = logging.Handler(logging.WARNING)
    ear.emit = said.append  # type: ignore[assignment,method-assign]
    logging.getLogger().addHandler(ear)
    try:
        yield said
    finally:
        logging.getLogger().removeHandler(ear)


def _closing(bench: Bench, source: Source, position: Position | None, batches: int | None = None) -> list[Batch]:
    try:
        return bench.read(source, position, batches)
    finally:
        source.close()

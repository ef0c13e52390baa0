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
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.sdk.contract import Batch, Item, Position, Source
from hub.sdk.positions import MAX_BYTES

_MOST_READS = 200
"""So many reads without an end are a loop."""


@dataclass(frozen=True)
class Bench:
    """A source on a system that the test has in hand.

    `make` gives a new source of that system, as a new process would, which reads to the end of what is there. `add(n)` has the
    system say `n` new things. `identity` tells items apart: the same thing has the same one in every reading.
    """

    make: Callable[[], Source]
    add: Callable[[int], None]
    identity: Callable[[Item], str] = lambda item: json.dumps(item.values, sort_keys=True, default=str)
    secrets: Sequence[str] = ()

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
            if batch.last or (not batch.items and batch.after is None):
                return found
        raise AssertionError(f"{_MOST_READS} reads and no end: a loop")

    def names(self, batches: Sequence[Batch]) -> list[str]:
        return [self.identity(item) for batch in batches for item in batch.items]


def behind(batches: Sequence[Batch], before: Position | None = None) -> Position | None:
    """The position that a runner has stored after these batches."""
    for batch in batches:
        before = batch.after if batch.after is not None else before
    return before


class SourceConformance:
    """The rules. `bench` is the source under test."""

    def test_a_crash_behind_any_batch_loses_nothing_and_keeps_order(self, bench: Bench) -> None:
        if bench.make().remembers:
            return  # it has no positions: the next rule
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
            return  # its position says what comes again: the rule before
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
        assert sizes[-1] <= MAX_BYTES
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


def _closing(bench: Bench, source: Source, position: Position | None, batches: int | None = None) -> list[Batch]:
    try:
        return bench.read(source, position, batches)
    finally:
        source.close()

"""This machine's clock beside the brokers': what is certain of the difference, and what is done while there is one."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from hub.control.clocks import CheckedClock, Stamp, compare_clocks

HOUR_MS = 3_600_000
LIMIT_MS = 60_000


@dataclass
class World:
    """True time, what this machine's clock adds to it, and what each broker's does."""

    true_ms: int = 1_800_000_000_000
    machine_off_ms: int = 0

    def wall(self) -> int:
        return self.true_ms + self.machine_off_ms

    def monotonic(self) -> float:
        return (self.true_ms - 1_700_000_000_000) / 1000

    def clock(self) -> CheckedClock:
        return CheckedClock(LIMIT_MS, wall=self.wall, monotonic=self.monotonic)

    def ask(
        self, clock: CheckedClock, broker: int = 1, *, off_ms: int = 0, there_ms: int = 5, back_ms: int = 5
    ) -> None:
        """A record is sent, stamped by a broker whose clock is so far off, and answered."""
        sent = self.monotonic()
        self.true_ms += there_ms
        stamp_ms = self.true_ms + off_ms
        self.true_ms += back_ms
        clock.note(broker, Stamp(stamp_ms, sent, self.monotonic()))


legs = st.integers(0, 20_000)
offs = st.integers(-2 * HOUR_MS, 2 * HOUR_MS)


@given(legs, legs, offs, offs, st.integers(0, 10 * HOUR_MS))
def test_no_difference_is_claimed_that_is_not_there_and_what_is_left_unclaimed_is_the_answers_way(
    there_ms: int, back_ms: int, machine_off_ms: int, broker_off_ms: int, later_ms: int
) -> None:
    world = World(machine_off_ms=machine_off_ms)
    clock = world.clock()
    world.ask(clock, off_ms=broker_off_ms, there_ms=there_ms, back_ms=back_ms)
    world.true_ms += later_ms
    found = clock.compared()
    assert found is not None
    true_apart_ms = machine_off_ms - broker_off_ms
    assert abs(found.apart_ms) <= abs(true_apart_ms) + 2
    assert abs(found.apart_ms - true_apart_ms) <= there_ms + back_ms + 2
    assert (clock.doubt is None) == (abs(found.apart_ms) <= LIMIT_MS)


def test_nothing_is_certain_before_a_broker_has_told_its_time() -> None:
    world = World()
    clock = world.clock()
    assert "no broker" in str(clock.doubt)
    world.ask(clock)
    assert clock.doubt is None
    assert clock.now_ms() == world.wall()


def test_a_jump_shows_at_once_and_its_end_too() -> None:
    world = World()
    clock = world.clock()
    world.ask(clock)
    world.machine_off_ms = HOUR_MS
    assert "3,600 s ahead of the broker's" in str(clock.doubt)
    world.machine_off_ms = -HOUR_MS
    assert "3,600 s behind the broker's" in str(clock.doubt)
    world.machine_off_ms = 0
    assert clock.doubt is None


@given(offs, offs)
def test_while_they_differ_it_is_no_later_than_either_says(machine_off_ms: int, broker_off_ms: int) -> None:
    world = World(machine_off_ms=machine_off_ms)
    clock = world.clock()
    world.ask(clock, off_ms=broker_off_ms)
    assert clock.now_ms() <= world.wall()
    assert clock.now_ms() <= world.true_ms + broker_off_ms + LIMIT_MS + 20


def test_one_broker_of_three_does_not_move_the_hub_and_one_of_two_does() -> None:
    world = World()
    clock = world.clock()
    for broker, off_ms in ((1, 0), (2, HOUR_MS), (3, 0)):
        world.ask(clock, broker, off_ms=off_ms)
    found = clock.compared()
    assert found is not None
    assert clock.doubt is None
    assert HOUR_MS - 100 < found.spread_ms <= HOUR_MS + 100
    pair = world.clock()
    world.ask(pair, 1)
    world.ask(pair, 2, off_ms=HOUR_MS)
    assert pair.doubt is not None


def test_a_broker_that_answers_no_more_is_not_asked_for_ever() -> None:
    world = World()
    clock = world.clock()
    world.ask(clock, 1, off_ms=HOUR_MS)
    world.true_ms += 61_000
    world.ask(clock, 2)
    assert clock.doubt is None


@given(st.lists(st.tuples(st.integers(1, 9), offs), min_size=1, max_size=9))
def test_a_majority_of_brokers_decides(brokers: list[tuple[int, int]]) -> None:
    world = World()
    clock = world.clock()
    told = dict(brokers)
    for broker, off_ms in told.items():
        world.ask(clock, broker, off_ms=off_ms)
    agree = sum(abs(off_ms) <= LIMIT_MS for off_ms in told.values())
    if 2 * agree > len(told):
        assert clock.doubt is None
    assert compare_clocks({}, world.wall(), world.monotonic()) is None


def test_a_clock_that_is_not_checked_is_the_machines() -> None:
    world = World(machine_off_ms=HOUR_MS)
    clock = CheckedClock(wall=world.wall, monotonic=world.monotonic)
    world.ask(clock)
    assert (clock.doubt, clock.now_ms()) == (None, world.wall())

"""The supervisor of `cityhub up`, on a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.cli.process.supervision import FIRST_SECONDS, MOST_SECONDS, QUICK_SECONDS, Supervisor


@dataclass
class Process:
    code: int | None = None
    stopped: bool = False

    def last_words(self) -> str:
        return "its last words"

    def stop(self) -> None:
        self.stopped = True


@dataclass
class World:
    seconds: float = 0.0
    started: list[Process] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def start(self) -> Process:
        self.started.append(Process())
        return self.started[-1]

    def supervisor(self) -> Supervisor:
        return Supervisor("worker", self.start, self.said.append, lambda: self.seconds, lambda: 1.0)


def test_what_runs_is_left_alone_and_stopped_at_the_end() -> None:
    world = World()
    supervisor = world.supervisor()
    supervisor.look()
    supervisor.stop()
    assert len(world.started) == 1
    assert world.started[0].stopped


def test_what_ends_badly_is_started_again_after_a_while() -> None:
    world = World()
    supervisor = world.supervisor()
    world.started[0].code = -9
    supervisor.look()
    assert "exit code -9; it starts again in 1.0 s" in world.said[0]
    world.seconds += FIRST_SECONDS / 2
    supervisor.look()
    assert len(world.started) == 1
    world.seconds += FIRST_SECONDS
    supervisor.look()
    assert len(world.started) == 2


def test_it_never_gives_up_and_says_what_to_do() -> None:
    world = World()
    supervisor = world.supervisor()
    runs = 15
    for _ in range(runs):
        world.started[-1].code = 1
        supervisor.look()
        world.seconds += MOST_SECONDS
        supervisor.look()
    assert len(world.started) == runs + 1
    assert "ended 5 times" in world.said[4]
    assert "its last words" in world.said[4]
    assert "mend the cause" in world.said[-1]
    assert "its last words" not in world.said[-1], "it is in the log by then"
    world.started[-1].code = 1
    supervisor.look()
    assert f"starts again in {MOST_SECONDS:.1f} s" in world.said[-1]


def test_a_long_run_forgives() -> None:
    world = World()
    supervisor = world.supervisor()
    for _ in range(15):
        world.seconds += QUICK_SECONDS + 1
        world.started[-1].code = 1
        supervisor.look()
        world.seconds += MOST_SECONDS + 1
        supervisor.look()
    assert len(world.started) == 15 + 1


def test_ending_in_order_unasked_is_no_reason_to_stay_away() -> None:
    world = World()
    supervisor = world.supervisor()
    world.started[0].code = 0
    supervisor.look()
    world.seconds += FIRST_SECONDS
    supervisor.look()
    assert len(world.started) == 2
    assert "exit code 0" in world.said[0]

"""While this machine's clock differs from the broker's nothing is said to have run out, and all else goes on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub import topics
from hub.clock import wall_ms
from hub.control.clocks import CheckedClock, Stamp
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.ids import case_id
from hub.model.update import Update, UpdateStatus
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.whole_hub import PATIENCE_MS, WholeHub

LIMIT_MS = 60_000
HOUR = 60 * MINUTE


class World:
    """True time, by a monotonic clock; the hub's own clock is set by the test."""

    def __init__(self) -> None:
        self.true_ms = NOON
        self.clock = CheckedClock(LIMIT_MS, wall=wall_ms, monotonic=self._monotonic)
        self.clock.note(1, Stamp(NOON, self._monotonic(), self._monotonic()))

    def _monotonic(self) -> float:
        return self.true_ms / 1000

    def wait(self, hub: WholeHub, milliseconds: int) -> None:
        """Let true time pass, the machine's clock with it, and the agents tick."""
        self.true_ms += milliseconds
        hub.settle(hub.time.now_ms + milliseconds)


def report(ref: str, at_ms: int) -> CaseEvent:
    return CaseEvent(
        source="hotline", source_ref=ref, revision=0, kind=EventKind.OPENED, reported_at=at_ms, category="water.burst",
        urgency=Urgency.URGENT, place=Place(code="LT01"), title="", text="", channel="phone",
    )  # fmt: skip


def said(hub: WholeHub) -> dict[str, int]:
    """When each clock of a case ran out, as records of deadlines have it."""
    found = hub.records(topics.DEADLINES.name, kind="BREACHED")
    return {each["clock"]: each["at"] for each in found}


@given(st.sampled_from([-3 * HOUR, -HOUR, HOUR, 3 * HOUR, 24 * HOUR]), st.integers(0, 20))
def test_what_ran_out_is_said_when_the_clocks_agree_again_and_at_its_instant(jump_ms: int, minutes: int) -> None:
    world = World()
    with WholeHub(CITY, NOON, wall=world.clock) as hub:
        hub.report(report("H1", NOON))
        world.wait(hub, MINUTE)
        hub.report(report("H2", NOON))
        hub.time.now_ms += jump_ms
        world.wait(hub, (minutes + 1) * MINUTE)
        assert not hub.records(topics.DEADLINES.name)
        assert len(hub.records(topics.EVENTS.name)) == 2, "arrivals go on"
        hub.time.now_ms -= jump_ms
        world.wait(hub, 1000)
        wanted = {"accept": NOON + 15 * MINUTE} if minutes + 2 >= 15 else {}
        assert said(hub) == wanted


def test_an_update_is_given_up_by_the_earlier_of_the_two_clocks() -> None:
    world = World()
    with WholeHub(CITY, NOON, wall=world.clock) as hub:
        unknown = Update(
            update_id="U1", department="water_supply", case_id=case_id("hotline", "NONE"), status=UpdateStatus.ACCEPTED,
            at=NOON,
        )  # fmt: skip
        hub.say(unknown)
        hub.run()
        hub.time.now_ms += HOUR
        world.wait(hub, 1000)
        assert not hub.records(topics.DEAD.name)
        world.wait(hub, PATIENCE_MS)
        assert len(hub.records(topics.DEAD.name)) == 1

"""Laws of the lives of cases: what is known decides, not the order in which it came or when anybody looked."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core.tracking.consequences import UpdateRow
from hub.core.tracking.lifecycle import EVENT_RULES
from hub.core.tracking.rings import Ring
from hub.core.tracking.state import UpdateDetails
from hub.core.tracking.tracker import Tracking
from hub.policy.models import DEFAULT_CLOCKS
from tests.unit.core.tracking.lives.small_lives import HOUR, START, Hub, said, small_city, tracking_of, verdicts


@pytest.fixture(scope="module")
def tracking() -> Tracking:
    return tracking_of(small_city())


SPEAKERS = ("roads", "water", "dispatch")
anything = st.builds(
    lambda n, status, hours, by, more: UpdateRow(f"u{n}", by, "C-1", status, "because", START + hours * HOUR, details=more),
    st.integers(0, 10**6),
    st.sampled_from([event.upper() for event, rule in EVENT_RULES.items() if rule.who != "the hub 平台" and event != "dispatched"]),
    st.integers(0, 60),
    st.sampled_from(SPEAKERS),
    st.builds(
        UpdateDetails, reason=st.sampled_from([None, "weather"]), clock=st.just(None), to=st.sampled_from([None, "water", "roads"]),
        members=st.sampled_from([(), ("water",)]), score=st.sampled_from([None, 50]),
    ),
)  # fmt: skip


@settings(max_examples=150)
@given(
    st.lists(anything, max_size=9, unique_by=lambda update: update.update_id),
    st.data(),
)
def test_what_it_comes_to_does_not_depend_on_the_order_of_arrival(
    tracking: Tracking, updates: list[UpdateRow], data: st.DataObject
) -> None:
    """Nor on when anybody looked at the clocks in between."""
    plain, mixed = Hub(tracking).hear(*updates).at(1000), Hub(tracking)
    for update in data.draw(st.permutations(updates)):
        mixed.hear(update)
        mixed.at(data.draw(st.sampled_from([0, 20, 45, 70])))
    mixed.at(1000)
    assert verdicts(mixed.case) == verdicts(plain.case)
    assert mixed.case.over_ms == plain.case.over_ms
    told = tracking._clockwork.lives.tell
    one, other = told(plain.case), told(mixed.case)
    for name in ("state", "holder", "members", "rung", "round", "designated", "refusals", "over_ms"):
        assert getattr(one, name) == getattr(other, name), name
    assert [each.id for each in one.effective] == [each.id for each in other.effective]


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from(["ACCEPTED", "RESPONDED", "RESOLVED"]), st.integers(0, 60)), max_size=5, unique=True
    )
)
def test_the_short_way_and_the_long_way_come_to_the_same(
    plain_tracking: Tracking, words: list[tuple[str, int]]
) -> None:
    short, long = Hub(plain_tracking), Hub(plain_tracking)
    long.book.put("C-1", msgspec.structs.replace(long.case, special=True))
    for status, hours in words:
        short.hear(said(status, hours))
        long.hear(said(status, hours))
    assert verdicts(short.at(100).case) == verdicts(long.at(100).case)
    assert short.case.over_ms == long.case.over_ms
    assert sorted(map(_key, short.effects.rings)) == sorted(map(_key, long.effects.rings))


def _key(ring: Ring) -> tuple[str, str, int, bool]:
    return (ring.name, ring.kind, ring.at_ms, ring.corrects)


@pytest.fixture(scope="module")
def plain_tracking() -> Tracking:
    city = small_city()
    clocks = {name: spec for name, spec in city.clocks.items() if name in DEFAULT_CLOCKS}
    rows = tuple(each for each in city.deadlines if each.clock in clocks)
    return tracking_of(dataclasses.replace(city, clocks=clocks, deadlines=rows))


@settings(max_examples=100)
@given(
    st.lists(anything, max_size=8, unique_by=lambda update: update.update_id), st.lists(st.integers(0, 100), max_size=4)
)
def test_a_breach_is_at_its_due_time_however_late_it_is_noticed(
    tracking: Tracking, updates: list[UpdateRow], looks: list[int]
) -> None:
    hub = Hub(tracking).hear(*updates)
    for hours in sorted(looks):
        hub.at(hours)
    hub.at(1000)
    assert all(ring.at_ms == ring.clock.due_ms for ring in hub.effects.rings if ring.kind == "BREACHED")

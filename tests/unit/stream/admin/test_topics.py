"""Which topics are as declared."""

from __future__ import annotations

import pytest

from hub.stream.admin.topics import TopicState
from hub.topics import city_events, dept_orders


@pytest.mark.parametrize(
    ("there", "good", "said"),
    [(None, False, "missing"), (3, False, "3 of 6 partitions"), (6, True, "ok"), (8, True, "ok, 2 partitions added")],
)
def test_what_agents_read_has_no_fewer_partitions_than_the_hub(there: int | None, good: bool, said: str) -> None:
    state = TopicState(city_events("police"), 6, there)
    assert (state.good, state.summary) == (good, said)


@pytest.mark.parametrize(("there", "good"), [(None, False), (1, True), (6, True)])
def test_what_leaves_the_hub_may_have_more(there: int | None, good: bool) -> None:
    topic = dept_orders("roads")
    assert topic.partitions is not None
    assert TopicState(topic, topic.partitions, there).good is good

"""Which topics are as declared."""

from __future__ import annotations

import pytest

from hub.stream.admin import TopicState
from hub.topics import city_events, dept_orders


@pytest.mark.parametrize(("there", "good"), [(None, False), (3, False), (6, True), (12, False)])
def test_what_agents_read_has_just_as_many_partitions_as_the_hub(there: int | None, good: bool) -> None:
    assert TopicState(city_events("police"), 6, there).good is good


@pytest.mark.parametrize(("there", "good"), [(None, False), (1, True), (6, True)])
def test_what_leaves_the_hub_may_have_more(there: int | None, good: bool) -> None:
    topic = dept_orders("roads")
    assert topic.partitions is not None
    assert TopicState(topic, topic.partitions, there).good is good

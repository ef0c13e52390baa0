"""What somebody sees who tries the hub by hand, as the README says: addresses that lead somewhere, and no line without words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub import topics
from hub.cli.cases.dept import describe_order
from hub.cli.cases.explain import picture
from hub.cli.services.up import with_own_port
from hub.cli.terminal.words import Words
from hub.inspect.story import Story
from hub.settings import Settings
from hub.testing.memory import MemoryHub
from tests.unit.agents.planted_shown import drawn
from tests.unit.web.front import CITY, NOON, pothole


def test_any_port_is_one_that_is_said() -> None:
    assert with_own_port(Settings(web_port=0)).web_port
    assert with_own_port(Settings(web_port=6066)).web_port == 6066


@pytest.fixture
def hub() -> Iterator[MemoryHub]:
    with MemoryHub(CITY, NOON) as hub:
        hub.publish(pothole("H-1"))
        hub.settle()
        hub.settle(NOON + 25_153)
        yield hub


def test_an_order_without_a_title_has_no_empty_line(hub: MemoryHub) -> None:
    (order,) = hub.orders(kind="ASSIGN")
    assert not order["event"]["title"]
    assert all(line.strip() for line in describe_order(order, Words(CITY)).splitlines())


def test_how_long_a_case_was_held_is_told_in_whole_seconds(hub: MemoryHub) -> None:
    (change,) = hub.records(topics.CASES.name)
    story = Story(change["case_id"], [change, change | {"at": NOON + 25_153}])
    (held,) = [line for line in drawn(picture(story, Words(CITY))).splitlines() if "held" in line]
    assert "0:00:25 " in held

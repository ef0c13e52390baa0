"""The same reference and revision with other content: a conflict, or an amendment where the source counts no revisions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import topics
from hub.errors import Reason
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.update import Update, UpdateStatus
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.whole_hub import WholeHub


def report(text: str, *, revision: int = 0, counted: bool = True, kind: EventKind = EventKind.OPENED) -> CaseEvent:
    return CaseEvent(
        source="hotline", source_ref="H1", revision=revision, revision_counted=counted, kind=kind, reported_at=NOON - MINUTE,
        category="water.burst", urgency=Urgency.URGENT, place=Place(code="LT01"), title="", text=text, channel="phone",
    )  # fmt: skip


def test_other_content_is_set_aside_with_both_places() -> None:
    with WholeHub(CITY, NOON) as hub:
        for text in ("a pothole", "a pothole", "a burst main"):
            hub.report(report(text))
            hub.run()
        (letter,) = hub.records(topics.DEAD.name)
        assert letter["reason"] == Reason.CONFLICT
        assert letter["origin"]["offset"] == 2
        assert "city.hotline.events[0]@0" in letter["detail"]
        assert "burst" not in letter["detail"]
        assert len(hub.records(topics.REPEATS.name)) == 1
        assert len(hub.records(topics.EVENTS.name)) == 1


def test_an_update_too() -> None:
    with WholeHub(CITY, NOON) as hub:
        for note in ("done", "done", "not done"):
            hub.say(
                Update(
                    update_id="U1", department="roads", case_id="C-1", status=UpdateStatus.RESOLVED, at=NOON, note=note
                )
            )
        hub.run()
        assert [letter["reason"] for letter in hub.records(topics.DEAD.name)] == [Reason.CONFLICT]


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=12), st.sampled_from([1, 2, 1_000]))
def test_where_no_revisions_are_counted_each_new_content_amends_and_the_last_new_one_stands(
    texts: list[str], at_once: int
) -> None:
    with WholeHub(CITY, NOON) as hub:
        for number, text in enumerate(texts):
            hub.report(report(text, counted=False))
            if (number + 1) % at_once == 0:
                hub.run()
        hub.run()
        new = [text for number, text in enumerate(texts) if text not in texts[:number]]
        admitted = hub.records(topics.EVENTS.name)
        assert [each["event"]["text"] for each in admitted] == new
        revisions = [each["event"]["revision"] for each in admitted]
        assert revisions == sorted(set(revisions))
        assert revisions == [each["origin"]["offset"] + 1 for each in admitted]
        assert [each["change"] for each in hub.records(topics.CASES.name)] == ["OPENED", *["AMENDED"] * (len(new) - 1)]
        assert len(hub.records(topics.REPEATS.name)) == len(texts) - len(new)
        assert not hub.records(topics.DEAD.name)


@pytest.mark.parametrize("revision", [0, 7])
def test_what_counts_and_what_does_not_keep_out_of_each_others_way(revision: int) -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.report(report("a", revision=revision))
        hub.report(report("a", revision=revision, counted=False))
        hub.run()
        assert len(hub.records(topics.EVENTS.name)) == 2


ATTRIBUTES = {"zip": "02108", "ward": "3", "floor": "2", "房间": "7"}


def _with(names: Sequence[str], counted: bool, **changes: str) -> CaseEvent:
    said = ATTRIBUTES | changes
    return report("a", counted=counted).model_copy(update={"attributes": {name: said[name] for name in names}})


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_attributes_in_another_order_say_the_same(counted: bool, at_once: bool) -> None:
    """A map has no order: some languages write it in another each time."""
    with WholeHub(CITY, NOON) as hub:
        for names in permutations(ATTRIBUTES):
            hub.report(_with(names, counted))
            if not at_once:
                hub.run()
        hub.report(_with(sorted(ATTRIBUTES), counted))
        hub.run()
        assert not hub.records(topics.DEAD.name)
        assert len(hub.records(topics.EVENTS.name)) == 1
        assert len(hub.records(topics.REPEATS.name)) == 24


@pytest.mark.parametrize("counted", [True, False])
def test_other_attributes_in_another_order_do_not(counted: bool) -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.report(_with(list(ATTRIBUTES), counted))
        hub.report(_with(list(reversed(ATTRIBUTES)), counted, ward="4"))
        hub.report(_with(["zip", "ward", "floor"], counted))
        hub.run()
        assert len(hub.records(topics.DEAD.name, reason="conflict")) == 2 * counted
        assert len(hub.records(topics.EVENTS.name)) == 3 - 2 * counted

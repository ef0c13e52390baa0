"""Departments count their updates as they like: an id is one only together with its department and its case."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import topics
from hub.model.event import EventKind
from hub.model.update import Update, UpdateStatus
from tests.unit.agents.any_order import outcome, statement, update
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_reopening import CASE, report
from tests.unit.agents.whole_hub import WholeHub

sayings = st.lists(
    st.tuples(
        st.sampled_from(["roads", "water_supply"]),
        st.sampled_from(["C-1", "C-2", "C-1/1"]),
        st.sampled_from(["1", "2", "1/1", "2/1"]),
        st.integers(0, 1),
    ),
    max_size=40,
)


@given(sayings, st.sampled_from([1, 5, 1000]), st.integers(1, 2))
def test_every_update_that_differs_in_department_case_id_or_revision_is_admitted_once(
    said: list[tuple[str, str, str, int]], at_once: int, partitions: int
) -> None:
    with WholeHub(CITY, NOON, partitions=partitions) as hub:
        for number, (department, case, update_id, revision) in enumerate(said):
            hub.say(
                Update(
                    update_id=update_id, department=department, case_id=case, revision=revision,
                    status=UpdateStatus.ACCEPTED, at=NOON,
                )
            )  # fmt: skip
            if number % at_once == 0:
                hub.run()
        hub.run()
        admitted = [
            (each["department"], each["case_id"], each["update_id"], each["revision"])
            for each in (record["update"] for record in hub.records(topics.UPDATES.name))
        ]
        assert sorted(admitted) == sorted(set(said))
        assert len(hub.records(topics.REPEATS.name)) == len(said) - len(admitted)
        assert not hub.records(topics.DEAD.name)


def test_two_departments_that_number_alike_get_an_answer_each_through() -> None:
    """The holder's and the helper's first word on a case: both are told to the citizen, under ids of their own."""
    with WholeHub(CITY, NOON) as hub:
        hub.report(report("H1", NOON))
        hub.run()
        for department in ("water_supply", "dispatch_desk"):
            hub.say(Update(update_id="1", department=department, case_id=CASE, status=UpdateStatus.RESPONDED, at=NOON))
        hub.run()
        replies = hub.replies()
        assert {each["department"] for each in replies} == {"water_supply", "dispatch_desk"}
        assert len({each["reply_id"] for each in replies}) == 2


def test_each_revision_of_an_update_has_replies_of_its_own() -> None:
    """Who reads replies by their ids, as SQL rows, pages and webhooks do, must not miss what the department said then."""
    with WholeHub(CITY, NOON + 10 * MINUTE) as hub:
        hub.report(report("H1", NOON))
        for revision, word in enumerate((UpdateStatus.RESPONDED, UpdateStatus.RESPONDED, UpdateStatus.RESOLVED)):
            hub.say(
                Update(
                    update_id="1", revision=revision, department="water_supply", case_id=CASE, status=word, at=NOON,
                    note=f"word {revision}",
                )
            )  # fmt: skip
            hub.run()
        hub.settle()
        replies = hub.replies()
        assert [each["text"] for each in replies] == ["word 0", "word 1", "word 2"]
        assert len({each["reply_id"] for each in replies}) == 3
        account, state = hub.audit()
        assert not [each for each in (*account.findings, *state.findings) if each.count]


def test_each_revision_of_a_step_of_supervision_has_an_order_of_its_own() -> None:
    with WholeHub(CITY, NOON + 10 * MINUTE) as hub:
        hub.report(report("H1", NOON))
        for revision in range(3):
            hub.say(update(1, "dispatch_desk", "SUPERVISED", 5, revision=revision))
            hub.run()
        hub.settle()
        reminders = hub.orders(kind="REMIND", rule="supervised")
        assert len({each["order_id"] for each in reminders}) == len(reminders)
        told = Counter(each["department"] for each in reminders)  # who holds the case, and who stands above
        assert set(told.values()) == {3}
        account, state = hub.audit()
        assert not [each for each in (*account.findings, *state.findings) if each.count]


@pytest.mark.parametrize("word", ["DESIGNATED", "WHISTLED"])
def test_revisions_of_one_instant_count_in_their_order_whichever_comes_first(word: str) -> None:
    said = [
        update(1, "dispatch_desk", word, 5, revision=revision, to=to, members=[to] if word == "WHISTLED" else [])
        for revision, to in enumerate(("roads", "police_assistance", "urban_mgmt"))
    ]
    opened = statement("H1", 0, EventKind.OPENED, 0)
    found = [outcome([opened, *order], [True] * 4) for order in permutations(said)]
    assert all(each == found[0] for each in found)

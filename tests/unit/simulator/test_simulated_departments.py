"""How the simulated departments answer."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.millis import HOUR_MS
from hub.model.base import to_ms
from hub.settings import Settings
from hub.simulator.answers import UNKNOWN_CASE, answers_to
from hub.simulator.departments import Departments, UpdateDesk
from hub.simulator.simclock import SimulationClock
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from tests.unit.simulator.simulated import START_MS

SEEDS = st.integers(0, 1000)


def order(case: int, kind: str = "ASSIGN", department: str = "water", **deadlines: int) -> dict:
    due = [{"clock": clock, "policy": "p", "due_at": START_MS + ms} for clock, ms in deadlines.items()]
    return {
        "order_id": f"O-{case}-{kind}-{department}",
        "kind": kind,
        "case_id": f"C-{case}",
        "department": department,
        "issued_at": START_MS,
        "deadlines": due,
        "event": None,
    }


@settings(deadline=None)
@given(SEEDS, st.integers(0, 10_000))
def test_answers_are_drawn_once_and_for_all_and_in_order(seed: int, case: int) -> None:
    answers = answers_to(seed, order(case))
    assert answers == answers_to(seed, order(case))
    own = [answer for answer in answers if answer.case_id != UNKNOWN_CASE]
    assert [answer.event for answer in own] in (["ACCEPTED", "RESPONDED", "RESOLVED"], ["REFUSED"], [])
    assert all(answer.at_ms > START_MS for answer in answers)
    assert len({answer.update_id for answer in answers}) == len(answers)


def test_most_keep_the_deadline_some_do_not_few_refuse_or_forget_or_stray() -> None:
    asked = [
        answers_to(1, order(case, accept=HOUR_MS, respond=4 * HOUR_MS, resolve=9 * HOUR_MS)) for case in range(3000)
    ]
    accepted = [a for answers in asked for a in answers if a.event == "ACCEPTED" and a.case_id != UNKNOWN_CASE]
    late = sum(answer.at_ms > START_MS + HOUR_MS for answer in accepted)
    assert 0.05 < late / len(accepted) < 0.2
    assert 20 < sum(not answers for answers in asked) < 120
    assert 20 < sum(answers[0].event == "REFUSED" for answers in asked if answers) < 120
    assert 0 < sum(a.case_id == UNKNOWN_CASE for answers in asked for a in answers) < 20
    assert 100 < sum(a.times == 2 for answers in asked for a in answers) < 500


def test_nobody_answers_before_the_report_was_made() -> None:
    early = {**order(7), "event": {"reported_at": START_MS + HOUR_MS}}
    assert answers_to(1, early)
    assert all(answer.at_ms > START_MS + HOUR_MS for answer in answers_to(1, early))


def test_times_are_read_as_numbers_and_as_the_codec_gives_them() -> None:
    other = {**order(7), "issued_at": datetime.fromtimestamp(START_MS / 1000, UTC)}
    assert answers_to(1, order(7)) == answers_to(1, other)


@pytest.mark.parametrize("kind", ["AMEND", "LINK", "WITHDRAW", "REMIND"])
def test_only_an_assignment_is_answered(kind: str) -> None:
    assert answers_to(1, order(7, kind)) == []


def test_the_desk_gives_each_answer_when_due_and_twice_what_is_sent_twice() -> None:
    desk = UpdateDesk(1)
    for case in range(200):
        desk.take(order(case))
    wanted = [answer for case in range(200) for answer in answers_to(1, order(case))]
    said = [answer for hour in range(200) for answer in desk.due(START_MS + hour * HOUR_MS // 2)]
    assert len(desk) == 0
    assert [answer.at_ms for answer in said] == sorted(answer.at_ms for answer in said)
    assert len(said) == sum(answer.times for answer in wanted)
    assert {answer.update_id for answer in said} == {answer.update_id for answer in wanted}


def test_a_withdrawn_or_reassigned_case_is_left_alone() -> None:
    desk = UpdateDesk(1)
    desk.take(order(1))
    desk.take(order(1, "WITHDRAW"))
    desk.take(order(1, department="roads"))
    said = desk.due(START_MS + 1000 * HOUR_MS)
    assert said
    assert {answer.department for answer in said} == {"roads"}
    desk.take(order(2))
    desk.take(order(2, "WITHDRAW"))
    assert [a for a in desk.due(START_MS + 1000 * HOUR_MS) if a.case_id == "C-2"] == []


def test_an_answer_fits_the_schema() -> None:
    codec = Codec(FileRegistry())
    for answer in answers_to(1, order(7)):
        _, update = codec.decode_one(codec.encode_one("cityhub.Update", answer.update()))
        assert update["status"] == answer.event
        assert to_ms(update["at"]) == answer.at_ms


def test_departments_never_started_can_be_stopped() -> None:
    Departments(Settings(), ["water"], SimulationClock(START_MS, 1), 1).stop()


def test_the_simulation_runs_at_its_speed_and_stands_still_at_its_end() -> None:
    wall = [10.0]
    clock = SimulationClock(START_MS, 3600, until_ms=START_MS + HOUR_MS, monotonic=lambda: wall[0])
    assert clock.now_ms() == START_MS
    assert clock.seconds_until(START_MS + HOUR_MS) == pytest.approx(1)
    wall[0] += 0.5
    assert clock.now_ms() == START_MS + HOUR_MS // 2
    wall[0] += 5
    assert clock.now_ms() == START_MS + HOUR_MS
    assert clock.seconds_until(START_MS) == 0


def test_a_simulation_that_is_stopped_stands_still() -> None:
    wall = [0.0]
    clock = SimulationClock(START_MS, 10, monotonic=lambda: wall[0])
    wall[0] = 1.0
    clock.stop()
    wall[0] = 100.0
    assert clock.now_ms() == START_MS + 10_000

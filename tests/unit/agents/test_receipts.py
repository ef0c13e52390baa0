"""Every record of a department's topic has one receipt, whatever it is; each says what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import topics
from hub.agents.track.waiting import MAX_WAITING
from hub.metrics import DEAD_LETTERS
from hub.model.outputs import WAITING
from hub.model.update import Update, UpdateStatus, status_and_step
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_reopening import CASE, report
from tests.unit.agents.whole_hub import WholeHub

HOUR = 60 * MINUTE
PHONE = "13800138000"


@pytest.fixture
def hub() -> Iterator[WholeHub]:
    with WholeHub(CITY, NOON) as hub:
        hub.report(report("H1", NOON))
        hub.run()
        yield hub


def said(word: str, update_id: str = "1", department: str = "water_supply", **more: Any) -> Update:
    status, step = status_and_step(word)
    fields = {
        "update_id": update_id,
        "department": department,
        "case_id": CASE,
        "status": status,
        "step": step,
        "at": NOON,
    }
    return Update.model_validate(fields | more)


def receipts(hub: WholeHub, department: str = "water_supply") -> list[Any]:
    """The last word on each update: that one waits is not."""
    return [each for each in all_receipts(hub, department) if each["outcome"] != WAITING]


def all_receipts(hub: WholeHub, department: str = "water_supply") -> list[Any]:
    return hub.records(topics.dept_receipts(department).name)


def outcomes(hub: WholeHub, department: str = "water_supply") -> list[tuple[str, str, str]]:
    return [(each["update_id"], each["said"], each["outcome"]) for each in receipts(hub, department)]


def send(hub: WholeHub, value: bytes, key: bytes = b"C-1", department: str = "roads") -> None:
    hub._append(topics.dept_updates(department).name, key, value)


def test_what_is_applied_is_told(hub: WholeHub) -> None:
    hub.say(said("ACCEPTED"))
    hub.say(said("EXTENSION_ASKED", "2", clock="resolve"))
    hub.settle()
    (first, second) = receipts(hub)
    assert (first["outcome"], first["case_id"], first["revision"], first["counts_from"]) == ("accepted", CASE, 0, None)
    assert first["origin"]["topic"] == "dept.water_supply.updates"
    assert (second["said"], second["outcome"]) == ("extension_asked", "not_allowed")
    assert "allows no extension" in second["detail"]


def test_a_stranger_is_told_no_and_nothing_is_done(hub: WholeHub) -> None:
    hub.say(said("RESOLVED", department="roads"))
    hub.settle()
    assert outcomes(hub, "roads") == [("1", "resolved", "not_allowed")]
    assert not hub.replies()
    assert not [each for each in hub.orders() if each["kind"] == "REMIND"]  # told once, in one way


def test_an_unknown_case_a_wrong_sender_and_an_impossible_time_are_told_to_who_said_it(hub: WholeHub) -> None:
    hub.say(said("ACCEPTED", "unknown", case_id="C-NONE", department="roads"))
    value = hub.codec.encode_one("cityhub.Update", said("ACCEPTED", "not mine").to_avro())
    send(hub, value)
    hub.say(said("ACCEPTED", "ahead", at=NOON + HOUR, department="roads"))
    hub.settle()
    assert sorted(outcomes(hub, "roads")) == [
        ("ahead", "accepted", "time_out_of_range"), ("not mine", "accepted", "sender_mismatch"),
        ("unknown", "accepted", "unknown_case"),
    ]  # fmt: skip
    assert not receipts(hub)


def test_dead_letters_are_counted_by_who_sent_them(hub: WholeHub) -> None:
    """By names that the rules know, whatever a record says of itself."""
    before = _dead_by_sender()
    hub.say(said("ACCEPTED", "unknown", case_id="C-NONE", department="roads"))
    send(hub, b"rubbish", department="power_light")
    hub._append("city.hotline.events", b"x", b"rubbish")
    hub.settle()
    hub.settle()
    assert _dead_by_sender() - before == {
        ("deduplicate", "hotline"): 1, ("deduplicate", "power_light"): 1, ("track", "roads"): 1,
    }  # fmt: skip


def _dead_by_sender() -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for sample in (sample for family in DEAD_LETTERS.collect() for sample in family.samples):
        if sample.name.endswith("_total"):
            found[sample.labels["stage"], sample.labels["source"]] += int(sample.value)
    return found


def test_a_repeat_and_a_conflict_name_where_it_came_first(hub: WholeHub) -> None:
    for note in ("", "", "other"):
        hub.say(said("ACCEPTED", note=note))
        hub.run()
    assert [each["outcome"] for each in receipts(hub)] == ["accepted", "repeat", "conflict"]
    assert all("dept.water_supply.updates[0]@0" in each["detail"] for each in receipts(hub)[1:])


@pytest.mark.parametrize(
    ("value", "key", "outcome", "case"),
    [
        (b"", CASE.encode(), "undecodable", CASE),
        (b"\x00\x00\x00\x03\xe7junk", b"\xff\xfe", "unknown_schema", ""),
        (b"\x00\x00\x00\x00\x01junk", b"x" * 5000, "wrong_schema", ""),
    ],
)
def test_what_names_nobody_is_told_to_the_department_whose_topic_it_came_by(
    hub: WholeHub, value: bytes, key: bytes, outcome: str, case: str
) -> None:
    send(hub, value, key)
    hub.run()
    (receipt,) = receipts(hub, "roads")
    assert (receipt["outcome"], receipt["case_id"], receipt["update_id"]) == (outcome, case, "")
    assert receipt["detail"]


@pytest.mark.parametrize("named", [f"Ms Example {PHONE}", PHONE, f"{CASE} {PHONE}", CASE.lower(), "C-1"])
def test_what_is_no_id_of_a_case_is_not_quoted_whatever_becomes_of_it(hub: WholeHub, named: str) -> None:
    """Of no case at all, a repeat, a conflict, a wrong sender, and what cannot be decoded but by its key."""
    for note in ("", "", "other"):
        hub.say(said("ACCEPTED", case_id=named, department="roads", note=note))
    send(hub, hub.codec.encode_one("cityhub.Update", said("ACCEPTED", case_id=named).to_avro()), named.encode())
    send(hub, b"", named.encode())
    hub.settle()
    told = all_receipts(hub, "roads")
    outcomes = {"waiting", "unknown_case", "repeat", "conflict", "sender_mismatch", "undecodable"}
    assert {each["outcome"] for each in told} == outcomes
    assert {each["case_id"] for each in told} == {""}
    assert named not in " ".join(each["detail"] for each in (*told, *hub.records(topics.DEAD.name)))
    assert [each["source_ref"] for each in hub.records(topics.REPEATS.name)] == ["/1"]


def test_a_repeat_is_told_by_its_case_and_id_and_nothing_hostile_is_there(hub: WholeHub) -> None:
    """`hub.repeats` lies there for 30 days, or as long as a city says (test_privacy.py): with an id and no word of anybody."""
    for _ in range(2):
        hub.say(said("ACCEPTED"))
        for hostile in ("\x1b[31m", "a\nb", "9" * 201):
            hub.say(said("ACCEPTED", "fine").model_copy(update={"update_id": hostile}))
    hub.settle()
    assert [each["source_ref"] for each in hub.records(topics.REPEATS.name)] == [f"{CASE}/1"]


def test_it_says_from_when_an_update_counts_if_that_is_not_the_time_it_names(hub: WholeHub) -> None:
    hub.settle(NOON + HOUR)
    hub.say(said("ACCEPTED", "in the holder's place", department="dispatch_desk", at=NOON + 5 * MINUTE))
    hub.say(said("TRANSFERRED", "pass", to="roads", at=NOON + 30 * MINUTE))
    hub.run()
    hub.say(said("RESPONDED", "early", department="roads", at=NOON + 20 * MINUTE))
    hub.settle()
    (by_desk,) = receipts(hub, "dispatch_desk")
    assert (by_desk["outcome"], by_desk["counts_from"]) == ("accepted", NOON + HOUR)
    (early,) = receipts(hub, "roads")
    assert (early["outcome"], early["counts_from"]) == ("accepted", NOON + 30 * MINUTE)


def test_what_had_to_wait_has_one_too(hub: WholeHub) -> None:
    hub.say(said("ACCEPTED", "2", department="roads"))
    hub.run()
    assert not receipts(hub, "roads")
    hub.say(said("TRANSFERRED", "1", to="roads", at=NOON))
    hub.settle()
    hub.settle()
    assert outcomes(hub, "roads") == [("2", "accepted", "accepted")]


def test_who_floods_a_case_is_told_at_once_and_the_state_stays_small(hub: WholeHub) -> None:
    for number in range(MAX_WAITING + 50):
        hub.say(said("RESOLVED", str(number), department="roads"))
    hub.run()
    assert Counter(outcome for _, _, outcome in outcomes(hub, "roads")) == {"not_allowed": 50}
    hub.settle()
    assert Counter(outcome for _, _, outcome in outcomes(hub, "roads")) == {"not_allowed": MAX_WAITING + 50}


anything = st.one_of(
    st.builds(
        lambda word, number, who, case, minutes, claimed: (
            who, said(word, str(number), claimed or who, case_id=case, at=NOON + minutes * MINUTE, to="roads", members=["power"])
        ),
        st.sampled_from([*UpdateStatus, "TRANSFERRED", "WHISTLED", "REOPENED", "PAUSED"]),
        st.integers(0, 3),
        st.sampled_from(["water_supply", "roads", "dispatch_desk"]),
        st.sampled_from([CASE, "C-NONE"]),
        st.integers(0, 30),
        st.sampled_from([None, None, None, "roads"]),
    ),
    st.tuples(st.sampled_from(["roads", "water_supply"]), st.binary(max_size=20)),
)  # fmt: skip


@given(st.lists(anything, max_size=12), st.sampled_from([1, 3, 100]))
def test_every_record_has_exactly_one_receipt_by_its_own_topic(
    said_: list[tuple[str, Update | bytes]], at_once: int
) -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.report(report("H1", NOON))
        for number, (department, what) in enumerate(said_):
            value = what if isinstance(what, bytes) else hub.codec.encode_one("cityhub.Update", what.to_avro())
            send(hub, value, CASE.encode(), department)
            if number % at_once == 0:
                hub.settle(hub.time.now_ms + MINUTE)
        hub.settle()
        hub.settle()
        wanted: Counter[tuple[str, int]] = Counter()
        for department, _ in said_:
            wanted[department, sum(who == department for who, _ in wanted)] += 1
        found = Counter(
            (department, each["origin"]["offset"])
            for department in CITY.departments
            for each in receipts(hub, department)
            if each["origin"]["topic"] == topics.dept_updates(department).name
        )
        assert found == wanted
        letters = hub.records(topics.DEAD.name)
        refused = {(each["origin"]["topic"], each["origin"]["offset"]): each["reason"] for each in letters}
        for department in CITY.departments:
            for each in receipts(hub, department):
                place = each["origin"]["topic"], each["origin"]["offset"]
                assert refused.pop(place, "accepted") == each["outcome"].replace("repeat", "accepted")
        assert not refused


def test_an_update_that_waits_for_its_case_is_told_so_and_then_what_became_of_it() -> None:
    with WholeHub(CITY, NOON) as hub:
        hub.say(said("ACCEPTED"))
        hub.run()
        (waiting,) = all_receipts(hub)
        assert (waiting["outcome"], waiting["said"], waiting["update_id"]) == ("waiting", "accepted", "1")
        assert "does not know its case yet" in waiting["detail"]
        hub.report(report("H1", NOON))
        hub.settle()
        first, last = all_receipts(hub)
        assert first == waiting
        assert (last["outcome"], last["origin"]) == ("accepted", waiting["origin"])


def test_one_that_waits_for_a_step_is_told_so_and_then_that_it_is_set_aside(hub: WholeHub) -> None:
    hub.say(said("RESUMED"))
    hub.run()
    hub.settle()
    told = [(each["outcome"], each["update_id"]) for each in all_receipts(hub)]
    assert told == [("waiting", "1"), ("not_allowed", "1")]


def test_a_word_that_nobody_knows_is_not_said_again(hub: WholeHub) -> None:
    for update in (said("CUSTOM", "1", code=PHONE), said("RESOLVED", "2", outcome=PHONE), said("ACCEPTED", "3")):
        hub.say(update)
    hub.settle(NOON + HOUR)
    assert {(each["update_id"], each["said"]) for each in all_receipts(hub)} == {
        ("1", "custom"), ("2", "resolved"), ("3", "accepted"),
    }  # fmt: skip
    assert PHONE not in repr(all_receipts(hub))


@pytest.mark.parametrize("code", ["closed", "Withdrawn", "DISPATCHED", "custom", "amended", "opened"])
def test_no_department_says_the_hubs_own_words_as_a_step_of_the_city(hub: WholeHub, code: str) -> None:
    for number, who in enumerate(("roads", "water_supply", "dispatch_desk")):
        hub.say(said("CUSTOM", str(number), who, code=code))
    hub.settle()
    hub.settle()
    assert {each["outcome"] for who in ("roads", "water_supply", "dispatch_desk") for each in receipts(hub, who)} == {
        "not_allowed"
    }
    assert [(each["over"], each["department"]) for each in hub.records(topics.CASES.name)] == [(False, "water_supply")]

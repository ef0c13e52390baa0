"""Answers to `policy apply`: only those of members count, and nothing that others write makes "applied" of "not applied"."""

from __future__ import annotations

import uuid

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub.control.answers import OTHER_REQUEST, STRANGER, Result, Tally
from hub.control.records import ControlRecord, Fault, PolicyAnswer, PolicyReload

REQUEST = PolicyReload(id=uuid.uuid4().hex, version="demo@2026-01-01+abcdef01", fingerprint="abcdef0123456789")
OLDER = "0123456789abcdef"


def answer(instance: str, **changes: object) -> PolicyAnswer:
    plain = PolicyAnswer(
        id=REQUEST.id, result="applied", instance=instance, process="0" * 32, version=REQUEST.version,
        fingerprint=REQUEST.fingerprint, lines=(),
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def refusal(instance: str, **changes: object) -> PolicyAnswer:
    return answer(
        instance, result="refused", fingerprint=OLDER, version="older", lines=("copy it here first",), **changes
    )


def tally(*records: ControlRecord | Fault, members: tuple[str, ...] = ("a", "b")) -> Tally:
    made = Tally(REQUEST, members)
    for record in records:
        made.add(record)
    return made


def results(made: Tally) -> list[Result]:
    return [verdict.result for verdict in made.verdicts()]


def test_all_have_applied_it() -> None:
    made = tally(answer("b"), answer("a", lines=("route x: new",)))
    assert (made.complete, made.applied) == (True, True)
    assert made.verdicts()[0].lines == ("route x: new",)


def test_one_that_is_silent_and_one_that_refuses_are_named() -> None:
    made = tally(refusal("b"))
    assert (made.complete, made.applied) == (False, False)
    assert results(made) == [Result.SILENT, Result.REFUSED]


def test_answers_of_strangers_and_to_other_requests_are_counted_and_named() -> None:
    made = tally(answer("x"), answer("x"), answer("y"), answer("a", id="1" * 32), Fault.NOT_JSON)
    assert made.ignored == {STRANGER: 3, OTHER_REQUEST: 1, "not_json": 1}
    assert made.strangers == ["x", "y"]
    assert results(made) == [Result.SILENT, Result.SILENT]


def test_the_same_said_twice_counts_once_and_a_contradiction_counts_as_none() -> None:
    assert tally(answer("a", lines=("new",)), answer("a"), answer("b")).applied
    assert results(tally(answer("a"), refusal("a"), answer("b"))) == [Result.CONTRADICTORY, Result.APPLIED]
    assert results(tally(answer("a", process="1" * 32), answer("a"), members=("a",))) == [Result.CONTRADICTORY]


def test_applied_with_other_rules_than_those_announced_is_a_contradiction_in_itself() -> None:
    assert results(tally(answer("a", fingerprint=OLDER), members=("a",))) == [Result.CONTRADICTORY]


def test_without_members_nothing_is_applied() -> None:
    assert not tally(answer("a"), members=()).applied


forgeries = st.one_of(
    st.from_type(PolicyAnswer), st.sampled_from(list(Fault)), st.builds(answer, st.sampled_from("abx")),
    st.builds(answer, st.sampled_from("abx"), process=st.just("f" * 32), id=st.sampled_from([REQUEST.id, "1" * 32])),
)  # fmt: skip


@given(st.lists(forgeries), st.data())
def test_no_forgery_makes_applied_of_a_refusal(forged: list[ControlRecord | Fault], data: st.DataObject) -> None:
    """Wherever the genuine refusal of a member stands among them."""
    place = data.draw(st.integers(0, len(forged)))
    made = tally(*forged[:place], refusal("a"), *forged[place:])
    assert not made.applied
    assert made.verdicts()[0].result in (Result.REFUSED, Result.CONTRADICTORY)

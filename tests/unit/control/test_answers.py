"""Answers to `policy apply`: only those of members count, and nothing that others write makes "applied" of "not applied"."""

from __future__ import annotations

import uuid

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub.control.answers import OTHER_REQUEST, STRANGER, AnswerTally, Result, touched_by_all
from hub.control.records import Beat, ControlRecord, Fault, PolicyAnswer, PolicyReload

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


def beat(instance: str, **changes: object) -> Beat:
    plain = Beat(
        instance=instance, process="0" * 32, host="h", pid=1, started_ms=0, agents=("track",), version=REQUEST.version,
        fingerprint=REQUEST.fingerprint, joined=0, deciding=True,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def tally(*records: ControlRecord | Fault, members: tuple[str, ...] = ("a", "b")) -> AnswerTally:
    made = AnswerTally(REQUEST, members)
    for record in records:
        made.add(record)
    return made


def results(made: AnswerTally) -> list[Result]:
    return [verdict.result for verdict in made.verdicts()]


def test_all_have_applied_it() -> None:
    made = tally(answer("b"), answer("a", lines=("route x: new",)), beat("a"))
    assert (made.complete, made.applied) == (False, False)
    assert results(made) == [Result.APPLIED, Result.UNCONFIRMED]
    made.add(beat("b"))
    assert (made.complete, made.applied) == (True, True)
    assert made.verdicts()[0].lines == ("route x: new",)


def test_a_beat_that_was_on_its_way_contradicts_nothing_and_a_later_one_does() -> None:
    early = (beat("a", fingerprint=OLDER), answer("a"), beat("a", fingerprint=OLDER), beat("a"))
    assert tally(*early, members=("a",)).applied
    assert results(tally(*early, beat("a", fingerprint=OLDER), members=("a",))) == [Result.CONTRADICTORY]
    assert results(tally(*early, beat("a", process="f" * 32), members=("a",))) == [Result.CONTRADICTORY]


def test_who_waits_is_named_and_counts_neither_way() -> None:
    made = tally(beat("c", deciding=False, version="older"), beat("d"), answer("a"), beat("a"), members=("a",))
    assert (made.applied, made.waiting) == (True, {"c": "older"})


def test_a_forged_answer_is_not_borne_out_by_the_worker_itself() -> None:
    """It is silent, or slow to refuse; its beats go on saying by what it goes."""
    for process in ("0" * 32, "f" * 32):
        forged = answer("a", process=process)
        own = [beat("a", fingerprint=OLDER)] * 3
        assert results(tally(forged, *own, members=("a",))) == [Result.UNCONFIRMED]
        with_beats = tally(forged, beat("a", process=process), *own, members=("a",))
        assert results(with_beats) == [Result.CONTRADICTORY]


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
    assert tally(answer("a", lines=("new",)), answer("a"), answer("b"), beat("a"), beat("b")).applied
    assert results(tally(answer("a"), refusal("a"), answer("b"), beat("b"))) == [Result.CONTRADICTORY, Result.APPLIED]
    assert results(tally(answer("a", process="1" * 32), answer("a"), members=("a",))) == [Result.CONTRADICTORY]


def test_applied_with_other_rules_than_those_announced_is_a_contradiction_in_itself() -> None:
    assert results(tally(answer("a", fingerprint=OLDER), members=("a",))) == [Result.CONTRADICTORY]


def test_without_members_nothing_is_applied() -> None:
    assert not tally(answer("a"), members=()).applied


names = st.sampled_from("abx")
forgeries = st.one_of(
    st.from_type(PolicyAnswer),
    st.sampled_from(list(Fault)),
    st.builds(beat, names),
    st.builds(answer, names),
    st.builds(answer, names, process=st.just("f" * 32), id=st.sampled_from([REQUEST.id, "1" * 32])),
)


@given(st.lists(forgeries), st.data())
def test_no_forgery_makes_applied_of_a_refusal(forged: list[ControlRecord | Fault], data: st.DataObject) -> None:
    """Wherever the genuine refusal of a member stands among them."""
    place = data.draw(st.integers(0, len(forged)))
    made = tally(*forged[:place], refusal("a"), *forged[place:])
    assert not made.applied
    assert made.verdicts()[0].result in (Result.REFUSED, Result.CONTRADICTORY)


def test_open_cases_are_counted_as_each_worker_says_and_not_at_all_where_none_does() -> None:
    made = tally(answer("a", kept=2, moved=1), beat("a"), answer("b"), beat("b"))
    assert [(verdict.kept, verdict.moved) for verdict in made.verdicts()] == [(2, 1), (-1, -1)]
    assert touched_by_all(made.verdicts()) == {"kept": 2, "moved": 1}
    assert touched_by_all(tally(answer("a"), refusal("b")).verdicts()) == {"kept": None, "moved": None}

"""Whose rules are in force, and which of two workers with one name has to go."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from hub.control import presence as presence_module
from hub.control.clocks import CheckedClock
from hub.control.presence import Presence, RulesState
from hub.control.pulse import BeatPlace
from hub.control.records import Beat
from hub.control.workers import (
    LATE_SECONDS,
    STALE_SECONDS,
    HeardBeat,
    Ranks,
    Roster,
    bearers_now,
    believed,
    contested,
    elder_namesakes,
    is_proven,
    leading_worker,
    namesakes,
    newer_worker,
)
from hub.errors import FatalError
from hub.settings import Settings
from hub.stream.gate import Gate

OLD, NEW, THIRD = "a" * 16, "b" * 16, "c" * 16


def beat(instance: str, joined: int, **changes: Any) -> Beat:
    plain = Beat(
        instance=instance, process=f"{joined + 1:032x}", host="h", pid=1, started_ms=0, agents=("route", "track"),
        version="v", fingerprint=OLD, joined=joined, deciding=True,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def heard(one: Beat, offset: int = 100) -> HeardBeat:
    return HeardBeat(one, offset, 0.0)


def test_a_worker_is_there_until_it_is_silent_or_says_goodbye() -> None:
    roster = Roster("0" * 32)
    roster.hear(beat("a", 1), 1, 0.0)
    roster.hear(beat("b", 2), 2, 1.0)
    roster.hear(beat("me", 3, process="0" * 32), 3, 1.0)
    assert [each.beat.instance for each in roster.others(2.0)] == ["a", "b"]
    assert [each.beat.instance for each in roster.others(STALE_SECONDS)] == ["b"]
    roster.hear(beat("b", 2, leaving=True), 4, 2.0)
    assert [each.beat.instance for each in roster.others(2.0)] == ["a"]


def test_a_worker_that_is_late_counts_while_nobody_bears_its_name_since() -> None:
    """It may be starved, or its broker slow to take beats: its consumer groups tell whether it is gone."""
    roster, late = Roster("0" * 32), STALE_SECONDS + 1.0
    roster.hear(beat("a", 1), 1, 0.0)
    assert roster.late(STALE_SECONDS - 1.0) == []
    assert [each.beat.instance for each in roster.late(late)] == ["a"]
    assert roster.late(LATE_SECONDS) == []
    roster.hear(beat("a", 2), 2, 1.0)  # begun anew: another process of the same name
    assert [each.beat.joined for each in roster.others(STALE_SECONDS + 0.5)] == [2]
    assert roster.late(STALE_SECONDS + 0.5) == []
    roster.hear(beat("a", 2, leaving=True), 3, 2.0)
    roster.hear(beat("a", 1, leaving=True), 4, 2.0)
    assert roster.late(late) == []


def test_older_rules_do_not_begin_beside_a_worker_that_is_late_and_still_a_member() -> None:
    ranks, roster = Ranks(), Roster("0" * 32)
    ranks.take(OLD, 5)
    ranks.take(NEW, 10)
    mine, newer = beat("b", 9, deciding=False), beat("a", 1, fingerprint=NEW)
    roster.hear(newer, 11, 0.0)
    now = STALE_SECONDS + 1.0
    known = [*roster.others(now), *roster.late(now)]
    assert leading_worker(mine, believed(mine, known, SEATED), ranks.of) is newer
    assert leading_worker(mine, believed(mine, known, {}), ranks.of) is mine, "it has left its groups: it is gone"


def test_a_roster_does_not_grow_however_many_are_heard_of() -> None:
    for name in ("a", "{}"):
        roster = Roster("0" * 32)
        for number in range(5_000):
            roster.hear(beat(name.format(number), number), number, 0.0)
        assert len(roster.others(1.0)) == (8 if name == "a" else 1_000)
        assert roster.left_out == 5_000 - len(roster.others(1.0))


@settings(max_examples=15)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "stranger"]), st.integers(0, 2_000)), max_size=60), st.booleans())
def test_no_flood_of_beats_pushes_a_worker_out_that_sits_in_the_groups(
    flood: list[tuple[str, int]], came_first: bool
) -> None:
    """Those that were heard before it stay, and it has its place among strangers, of whichever kind these are."""
    roster, genuine = Roster("0" * 32), beat("newer", 7, fingerprint=NEW)
    roster.seats = {"newer": {"route": 1}}
    if came_first:
        roster.hear(genuine, 1, 0.0)
    for number in range(1_001):
        roster.hear(beat(f"x{number}", number + 100), number, 0.5)
    for name, number in flood:
        roster.hear(beat(f"{name}{number % 7}", number + 5_000), number, 0.5)
    roster.hear(genuine, 2, 1.0)
    assert "newer" in {each.beat.instance for each in roster.others(1.0)}
    for number in range(1_001):
        roster.hear(beat(f"y{number}", number + 9_000), number, 1.0)
    assert "newer" in {each.beat.instance for each in roster.others(1.5)}
    assert len(roster.others(1.5)) <= 1_000


def test_a_worker_that_is_killed_again_and_again_has_its_place_in_a_roster() -> None:
    roster = Roster("0" * 32)
    for number in range(30):
        roster.hear(beat("a", number), number, number * (STALE_SECONDS + 1))
    assert roster.left_out == 0
    assert roster.others(29 * (STALE_SECONDS + 1))[0].beat.joined == 29


def test_later_rules_rank_above_earlier_and_those_never_taken_lowest() -> None:
    ranks = Ranks()
    ranks.take(OLD, 5)
    ranks.take(NEW, 10)
    assert ranks.of(THIRD) < ranks.of(OLD) < ranks.of(NEW)
    ranks.take(OLD, 20)  # taken back
    assert ranks.of(NEW) < ranks.of(OLD)
    for number in range(5_000):
        ranks.take(f"{number:016x}", 100 + number)
    assert ranks.of(OLD) == -1


def test_rules_taken_later_are_in_force_also_beside_a_worker_that_decides_by_the_older() -> None:
    ranks = Ranks()
    ranks.take(OLD, 5)
    ranks.take(NEW, 10)
    newcomer, elder = beat("b", 9, fingerprint=NEW, deciding=False), beat("a", 1)
    assert leading_worker(newcomer, [elder], ranks.of) is newcomer
    assert leading_worker(elder, [newcomer], ranks.of) is newcomer


def test_rules_that_nobody_took_do_not_drive_out_those_by_which_somebody_decides() -> None:
    newcomer, elder = beat("b", 0, fingerprint=NEW, deciding=False), beat("a", 1)
    assert leading_worker(newcomer, [elder], Ranks().of) is elder
    assert leading_worker(newcomer, [], Ranks().of) is newcomer


workers = st.lists(
    st.builds(
        beat, st.sampled_from("abcdef"), st.integers(-1, 30), fingerprint=st.sampled_from([OLD, NEW, THIRD]),
        deciding=st.booleans(),
    ),
    min_size=1, max_size=6, unique_by=(lambda each: each.instance, lambda each: each.joined),
)  # fmt: skip


@given(workers, st.permutations([OLD, NEW, THIRD]), st.integers(0, 3))
def test_all_come_to_the_same_and_somebody_decides(beats: list[Beat], taken: list[str], count: int) -> None:
    ranks = Ranks()
    for offset, fingerprint in enumerate(taken[:count]):
        ranks.take(fingerprint, offset)
    found = {leading_worker(me, [each for each in beats if each is not me], ranks.of).fingerprint for me in beats}
    assert len(found) == 1
    assert found <= {each.fingerprint for each in beats}


SEATED = {name: {"route": 1, "track": 1} for name in ("a", "c", "me")}


def test_only_members_are_believed_and_none_of_two_that_bear_one_name_and_differ() -> None:
    mine = beat("me", 5)
    twins = [heard(beat("c", 3)), heard(beat("c", 4, fingerprint=NEW))]
    others = [heard(beat("a", 1)), heard(beat("b", 2)), *twins, heard(beat("me", 6))]
    assert believed(mine, others, SEATED) == [others[0].beat]
    assert contested(mine, others, SEATED) == [twins[1]]


def test_what_was_killed_does_not_take_the_word_from_its_successor() -> None:
    """Else a worker with older rules begins beside it for as long as the beat of the killed one is remembered."""
    mine, killed, successor = (
        beat("me", 5, deciding=False),
        beat("a", 1, fingerprint=NEW),
        beat("a", 9, fingerprint=NEW),
    )
    ranks = Ranks()
    ranks.take(OLD, 5)
    ranks.take(NEW, 10)
    trusted = believed(mine, [heard(killed), heard(successor)], SEATED)
    assert leading_worker(mine, trusted, ranks.of).fingerprint == NEW


def test_one_name_for_workers_of_different_agents_is_no_doubt_about_any_of_them() -> None:
    mine = beat("me", 5, agents=("track",))
    apart = [
        heard(beat(name, 1, agents=(agent,), fingerprint=NEW))
        for name in ("a", "me")
        for agent in ("route", "deduplicate")
    ]
    seats = {"a": {"route": 1, "deduplicate": 1}, "me": {"route": 1, "deduplicate": 1, "track": 1}}
    assert believed(mine, apart, seats) == [each.beat for each in apart]


def test_a_beat_in_the_name_of_a_member_brings_nobody_to_stand_back() -> None:
    mine, genuine, forged = beat("me", 5), heard(beat("a", 1)), heard(beat("a", 2, program=1 << 62))
    assert newer_worker(mine, believed(mine, [genuine, forged], SEATED)) is None
    assert believed(mine, [forged], {"a": {"deduplicate": 1}}) == [], "it is a member for other work"


def test_a_predecessor_of_ones_own_name_is_nobodys_twin_until_it_is_heard_again() -> None:
    mine, killed = beat("me", 5), beat("me", 1, fingerprint=NEW)
    before, again = heard(killed, offset=4), heard(killed, offset=6)
    other = heard(beat("a", 1), offset=3)
    assert bearers_now(mine, [before, other]) == [other]
    assert bearers_now(mine, [again, other]) == [again, other]
    assert elder_namesakes(mine, [before]) == [before], "it is waited for all the same"


def test_namesakes_do_the_same_work_and_the_younger_of_two_has_to_go() -> None:
    mine = beat("me", 5)
    elder, younger, fresh = heard(beat("me", 1)), heard(beat("me", 9)), heard(beat("me", -1, process="f" * 32))
    apart, other = heard(beat("me", 2, agents=("deduplicate",))), heard(beat("a", 0))
    assert namesakes(mine, [elder, younger, fresh, apart, other]) == [elder, younger, fresh]
    assert elder_namesakes(mine, [elder, younger, fresh, apart, other]) == [elder]


def test_a_namesake_is_proven_by_a_beat_after_this_one_came_and_a_seat_in_the_groups() -> None:
    mine, one = beat("me", 5), {"me": Counter(track=1)}
    gone, lives = heard(beat("me", 1), offset=4), heard(beat("me", 1), offset=6)
    assert is_proven(mine, lives, one, have_joined=False)
    assert not is_proven(mine, gone, one, have_joined=False), (
        "what was killed leaves a seat and a beat for some seconds"
    )
    assert not is_proven(mine, lives, {}, have_joined=False), "anybody may have written a beat"
    assert not is_proven(mine, lives, one, have_joined=True), "that is this worker's own seat"
    assert is_proven(mine, lives, {"me": Counter(track=2)}, have_joined=True)


def test_an_older_release_stands_back_for_newer_ones_that_do_all_its_work() -> None:
    mine = beat("b", 9, program=56)
    whole, older, same = beat("a", 1, program=57), beat("c", 2, program=55), beat("d", 3, program=56)
    route, track = beat("e", 4, program=58, agents=("route",)), beat("f", 5, program=57, agents=("track",))
    assert newer_worker(mine, [older, same]) is None
    assert newer_worker(mine, [older, whole, same]) is whole
    assert newer_worker(mine, [route]) is None  # nobody would do the rest
    assert newer_worker(mine, [track, route]) is route
    assert newer_worker(mine, []) is None


@pytest.mark.parametrize(("seats", "closed"), [({"newer": {"route": 1, "track": 1}}, True), ({}, False)])
def test_the_gate_is_closed_while_a_newer_release_is_a_member_and_opened_behind_it(
    seats: dict[str, dict[str, int]], closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, control = Gate(), SimpleNamespace(subscribe=lambda *_: None, publish=lambda *_: None)
    rules = RulesState("v", OLD)
    presence = Presence(
        Settings(instance="mine"), ("route", "track"), "f" * 32, gate, CheckedClock(), cast(Any, control),
        lambda: rules, lambda _: (), 56,
    )  # fmt: skip
    monkeypatch.setattr(presence._members, "ask", lambda: seats)
    presence._roster.hear(beat("newer", 1, program=57), 1, time.monotonic())
    presence._judge_workers()
    assert ("of a newer release" in (gate.closed or "")) is closed
    assert gate.heard_of_newer
    presence._roster.hear(beat("newer", 1, program=57, leaving=True), 2, time.monotonic())
    presence._judge_workers()
    assert gate.closed is None


class MadePresence:
    """A presence without a broker: it hears what the test says, and the groups hold whom the test seats."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seats: dict[str, dict[str, int]], **named: Any) -> None:
        control = SimpleNamespace(subscribe=lambda *_: None, publish=lambda *_: None)
        self.gate, rules = Gate(), RulesState("v", OLD)
        self.presence = Presence(
            Settings(instance="mine"), named.get("agents", ("route", "track")), "f" * 32, self.gate, CheckedClock(),
            cast(Any, control), lambda: rules, lambda _: (), 56,
        )  # fmt: skip
        self.presence._first = BeatPlace(50, 0)
        monkeypatch.setattr(self.presence._members, "ask", lambda: seats)

    def hear(self, one: Beat, offset: int = 100, seconds_ago: float = 0.0) -> None:
        self.presence._roster.hear(one, offset, time.monotonic() - seconds_ago)

    def waits_for(self) -> str:
        self.presence._judge_workers()
        return self.gate.closed or ""


def test_forged_beats_of_a_newer_release_in_the_names_of_members_stop_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    made = MadePresence(monkeypatch, {"a": {"route": 1, "track": 1}})
    made.hear(beat("a", 1, program=56))
    made.hear(beat("a", 2, program=1 << 60, process="e" * 32))
    assert made.waits_for() == ""


def test_nor_do_they_when_the_member_itself_was_not_heard_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a flood of them; seen with eight processes that agree among themselves."""
    made = MadePresence(monkeypatch, {"a": {"route": 1, "track": 1}})
    made.hear(beat("a", 1, program=56), seconds_ago=STALE_SECONDS + 1)
    for number in range(8):
        made.hear(beat("a", 10 + number, program=1 << 60))
    assert made.waits_for() == ""


def test_a_beat_that_contradicts_its_process_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    made = MadePresence(monkeypatch, {"a": {"route": 1, "track": 1}})
    made.hear(beat("a", 1, program=56))
    made.hear(beat("a", 1, program=1 << 60))
    made.hear(beat("a", 1, program=56, host="elsewhere", leaving=True))
    assert made.waits_for() == ""
    assert [each.beat.program for each in made.presence._roster.others(time.monotonic())] == [56]
    made.hear(beat("a", 1, program=56, fingerprint=NEW))
    assert made.presence._roster.others(time.monotonic())[0].beat.fingerprint == NEW, "rules may change"


def test_older_rules_do_not_begin_while_it_is_in_doubt_whose_the_newer_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was killed and started again with rules of its own: both are remembered for some seconds."""
    made = MadePresence(monkeypatch, {"a": {"route": 1, "track": 1}})
    made.presence._ranks.take(OLD, 1)
    made.presence._ranks.take(NEW, 2)
    made.hear(beat("a", 1, fingerprint=NEW))
    assert "is in force" in made.waits_for()
    made.hear(beat("a", 9, fingerprint=THIRD, process="e" * 32))
    assert "another bears its name" in made.waits_for()
    monkeypatch.setattr(presence_module, "_DOUBT_SECONDS", 0.0)
    assert made.waits_for() == "", "forged beats keep nobody from its work for ever"
    made.hear(beat("b", 10, fingerprint=NEW, process="d" * 32))
    assert made.waits_for() == "", "who decides goes on beside what it cannot tell"


def test_a_worker_that_does_only_some_of_the_work_sees_the_rules_of_those_that_do_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[set[str]] = []

    def members(_: Settings, agents: Iterable[str]) -> SimpleNamespace:
        asked.append(set(agents))
        return SimpleNamespace(ask=dict)

    monkeypatch.setattr(presence_module, "Members", members)
    MadePresence(monkeypatch, {}, agents=("track",))
    assert asked == [{"deduplicate", "route", "track"}]


def test_a_worker_that_was_killed_and_started_again_at_once_is_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    made = MadePresence(monkeypatch, {"mine": {"route": 1, "track": 1}})
    made.hear(beat("mine", 1, fingerprint=NEW), offset=49, seconds_ago=1.0)
    assert "bears the name" in made.waits_for()
    assert (_sample("hub_same_name_workers"), _sample("hub_other_rules_workers")) == (0, 0)
    made.hear(beat("mine", 1), offset=51)
    with pytest.raises(FatalError, match="came first"):
        made.waits_for()
    assert _sample("hub_same_name_workers") == 1


def _sample(name: str) -> float | None:
    return REGISTRY.get_sample_value(name)


def test_a_worker_of_before_is_read_as_the_oldest() -> None:
    told = msgspec.json.decode(msgspec.json.encode(beat("a", 1, program=57)))
    del told["program"]
    assert msgspec.json.decode(msgspec.json.encode(told), type=Beat).program == 0

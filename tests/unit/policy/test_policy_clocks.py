"""Every mistake that deadlines.yaml and calendars.yaml can have is refused on its line, and what rows choose by is obeyed."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from hub.core.deadlines.rules import DeadlineRules
from hub.declared.problems import DeclarationError
from hub.policy import load_city
from tests.unit.policy.policy_folder import changed, write_folder

CALENDAR, ROW = (
    ("calendars.yaml", "    holidays: [2026-10-05]"),
    ("deadlines.yaml", "    duration: 5\n    unit: natural_day\n"),
)
HEAD = ("deadlines.yaml", "deadlines:\n")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("where", "new", "line", "words"),
    [
        (CALENDAR, "    statutory: {country: XX}", 6, "no holidays are known for country 'XX'"),
        (CALENDAR, "    statutory: {country: US, subdivision: ZZ}", 6, "no subdivision 'ZZ'"),
        (CALENDAR, "    statutory: {country: US, kinds: [bank]}", 6, "of kind 'bank'"),
        (CALENDAR, "    statutory: {country: CN, kinds: [public, half_day]}", 6, "are no whole days off, so they need hours"),
        (CALENDAR, "    statutory: {country: FI, kinds: [workday]}", 6, "are no whole days off, so they need hours"),
        (CALENDAR, "    statutory: {country: CN, hours: {half_day: []}}", 6, "gives the kind 'half_day' no span"),
        (CALENDAR, "    statutory: {country: CN, kinds: [public], hours: {public: ['08:30-12:00']}}", 6, "keep one"),
        (CALENDAR, "    statutory: {country: CN, hours: {public: ['08:30-12:00']}}", 6, "stays closed"),
        (CALENDAR, "    statutory: {country: FI, kinds: [], hours: {public: ['08:30-12:00']}}", 6, "stays closed"),
        (CALENDAR, "    statutory: {country: US, hours: {half: ['08:30-12:00']}}", 6, "of kind 'half'"),
        (CALENDAR, "    time_zone: Mars/North", 6, "not an IANA time zone"),
        (CALENDAR, "    seasons: [{first_day: 06-31, last_day: 08-31, week: {mon: ['08:00-12:00']}}]", 6, "not a day of the year"),
        (CALENDAR, "    seasons: [{first_day: 06-01, last_day: 08-31, week: {mon: ['08:00-12:00', '11:00-13:00']}}]", 6, "overlap"),
        (CALENDAR, "    days: {2026-12-24: ['08:00-12:00', '11:00-13:00']}", 2, "overlap"),
        (CALENDAR, "    revisions: [{effective_from: 2027-01-01, week: {mon: []}}]", 2, "never open"),
        (CALENDAR, "    revisions: [{effective_from: 2027-01-01, week: {mon: ['08:00-12:00']}}, "
                   "{effective_from: 2027-01-01, week: {mon: ['08:00-12:00']}}]", 2, "out of order"),
        (ROW, "    duration: 5\n", 8, "a unit is never guessed"),
        (ROW, "    unit: natural_day\n", 8, "a unit is never guessed"),
        (ROW, "    duration: 5\n    unit: 日\n", 11, "unit"),
        (ROW, "    runs: false\n    duration: 5\n", 8, "has no duration"),
        (ROW, "    duration: 5\n    unit: natural_day\n    ends: noon\n", 12, "not a time of day"),
        (ROW, "    duration: 5\n    unit: natural_day\n    ends: '24:30'\n", 12, "not a time of day"),
        (ROW, "    duration: 5\n    unit: natural_day\n    ends: close\n", 8, "needs a calendar"),
        (ROW, "    duration: 5\n    unit: hour\n    ends: day_end\n", 8, "for clocks in days"),
        (ROW, "    duration: 1.5\n    unit: month\n", 8, "whole number"),
        (ROW, "    duration: 5\n    unit: work_day\n    calendar: office\n    first_day_counts: true\n", 8, "first_day_counts"),
        (ROW, "    duration: 5\n    unit: hour\n    warn_shares: [0.8, 0.5]\n", 8, "out of order"),
        (ROW, "    duration: 5\n    unit: hour\n    warn_share: 0.5\n    warn_shares: [0.5, 0.8]\n", 8, "keep one"),
        (ROW, "    duration: 5\n    unit: hour\n    effective_from: 2026-02-01\n    effective_until: 2026-02-01\n", 8, "never"),
        (ROW, "    duration: 5\n    unit: hour\n    extension: {approved_by: head}\n", 12, "one of the two"),
        (ROW, "    duration: 5\n    unit: hour\n    extension: {approved_by: head, duration: 3}\n", 12, "one of the two"),
        (ROW, "    duration: 5\n    unit: hour\n    pause: {reasons: [hearing], duration: 3}\n", 12, "give both or none"),
        (ROW, "    duration: 5\n    unit: hour\n    when: {area_class: [A]}\n", 12, "no area is of class 'A'"),
        (HEAD, "templates: [nowhere]\ndeadlines:\n", 1, "there is no template 'nowhere'"),
        (HEAD, "area_classes: {A: [A9]}\ndeadlines:\n", 1, "there is no area 'A9'"),
        (HEAD, "area_classes: {A: [A1], B: [A1]}\ndeadlines:\n", 1, "of class A already"),
        (HEAD, "clocks: {verify: {name: {en: verify, zh: 核查}, stop: []}}\ndeadlines:\n", 1, "at least 1 item"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_where_it_stands(
    tmp_path: Path, where: tuple[str, str], new: str, line: int, words: str
) -> None:
    write_folder(tmp_path, **changed(*where, new))
    with pytest.raises(DeclarationError) as caught:
        load_city(tmp_path)
    told = [str(problem) for problem in caught.value.problems]
    assert any(one.startswith(f"{where[0]}:{line}: ") and words in one for one in told), told


def test_a_clock_that_nothing_stops_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, **changed("deadlines.yaml", "clock: resolve", "clock: resolved"))
    with pytest.raises(DeclarationError, match=r"deadlines.yaml:9: .*did you mean 'resolve'.*under `clocks`"):
        load_city(tmp_path)


FREE = """\
clocks:
  verify: {name: {en: verify, zh: 核查}, start: [resolved], stop: [verified]}
area_classes: {A: [A1], B: [A2]}
deadlines:
  - {id: old, clock: resolve, duration: 5, unit: hour, effective_until: 2026-03-01}
  - {id: spring, clock: resolve, duration: 4, unit: hour, effective_from: 2026-03-01, effective_until: 2026-06-01}
  - {id: core, clock: resolve, when: {area_class: [A]}, duration: 3, unit: hour, warn_shares: [0.5, 0.8, 0.9]}
  - {id: none, clock: resolve, when: {family: [water]}, runs: false}
  - {id: rest, clock: resolve, duration: 2, unit: hour}
  - {id: verify, clock: verify, duration: 1, unit: work_day, calendar: office}
"""


def test_rows_hold_in_their_time_and_class_of_area_and_may_run_no_clock(tmp_path: Path) -> None:
    city = load_city(write_folder(tmp_path, deadlines_yaml=FREE, examples_yaml="examples: []"))
    rules = DeadlineRules(city)
    instants = [
        at(text) for text in ("2026-02-28T23:59:59+08:00", "2026-03-01T00:00:00+08:00", "2026-06-01T00:00:00+08:00")
    ]
    count = len(instants)
    for area, category, late in (("A1", "road.hole", "core"), ("A2", "road.hole", "rest"), (None, "water.leak", None)):
        found = rules.due([category] * count, ["hotline"] * count, ["ROUTINE"] * count, [area] * count, instants)
        assert [[due.policy for due in dues] for dues in found] == [["old"], ["spring"], [late] if late else []]
        assert found == [rules.due_one(category, "hotline", "ROUTINE", area, instant) for instant in instants]
    (core,) = rules.due_one("road.hole", "hotline", "ROUTINE", "A1", instants[2])
    assert [warn - instants[2] for warn in core.warns_ms] == [5_400_000, 8_640_000, 9_720_000]
    assert core.warn_ms == core.warns_ms[0]
    (verify,) = rules.due_one("road.hole", "hotline", "ROUTINE", None, instants[0], event="resolved")
    assert (verify.clock, verify.policy) == ("verify", "verify")
    assert rules.stops("verify") == {"verified"}
    assert city.calendars["office"].holidays == (date(2026, 10, 5),)


CLOCKS_OF_HELPERS = """\
clocks:
  opinion: {name: {en: opinion, zh: 意见}, start: [called], stop: [verified], by: helper}
  late: {name: {en: late, zh: 逾期}, start: [arrive_overdue], stop: [resolved]}
  arrive: {name: {en: arrive, zh: 到场}, stop: [arrived]}
  after: {name: {en: after, zh: 其后}, start: [transferred], stop: [resolved], by: helper}
deadlines:
  - {id: opinion, clock: opinion, duration: 1, unit: hour}
  - {id: late, clock: late, duration: 1, unit: hour}
  - {id: after, clock: after, when: {category: [road.hole]}, duration: 1, unit: hour}
  - {id: after.late, clock: after, duration: 2, unit: hour, start: [transferred, opinion_overdue]}
"""


def test_a_clock_that_no_helper_can_stop_and_one_that_never_starts_are_mistakes(tmp_path: Path) -> None:
    write_folder(tmp_path, deadlines_yaml=CLOCKS_OF_HELPERS)
    with pytest.raises(DeclarationError) as caught:
        load_city(tmp_path)
    said = str(caught.value)
    assert "deadlines.yaml:7: no helper can say verified, so row 'opinion' is never met" in said
    assert "deadlines.yaml:9: no helper can say transferred, so row 'after' never starts" in said
    assert "'after.late' never starts" not in said
    assert "deadlines.yaml:8: no row times the clock of 'arrive_overdue', so row 'late' never starts" in said


CIRCLE = """\
clocks:
  first: {name: {en: first, zh: 先}, start: [third_overdue], stop: [resolved]}
  second: {name: {en: second, zh: 次}, start: [first_overdue], stop: [resolved]}
  third: {name: {en: third, zh: 后}, start: [second_overdue], stop: [resolved]}
deadlines:
  - {id: first, clock: first, duration: 1, unit: hour}
  - {id: second, clock: second, duration: 1, unit: hour}
  - {id: third, clock: third, duration: 1, unit: hour}
"""


def test_clocks_that_wait_for_each_other_never_start(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError) as caught:
        load_city(write_folder(tmp_path, deadlines_yaml=CIRCLE, examples_yaml="examples: []"))
    assert all(f"so row '{row}' never starts" in str(caught.value) for row in ("first", "second", "third"))


def test_a_chain_of_clocks_that_something_begins_is_none(tmp_path: Path) -> None:
    chain = CIRCLE.replace("start: [third_overdue]", "start: [third_overdue, accepted]")
    load_city(write_folder(tmp_path, deadlines_yaml=chain, examples_yaml="examples: []"))


CONDITIONS = """\
conditions: {big: {keywords: [big]}, small: {keywords: [small]}}
area_classes: {A: [A1]}
"""


@pytest.mark.parametrize(
    ("rows", "shadowed"),
    [
        (["{}", "{condition: [big]}"], "b"),
        (["{condition: [big]}", "{}"], None),
        (["{condition: [big]}", "{condition: [small]}", "{}"], None),
        (["{condition: [big]}", "{condition: [big], family: [road]}"], "b"),
        (["{condition: [big, small]}", "{condition: [small]}"], "b"),
        (["{condition: [big]}", "{condition: [big, small]}"], None),
        (["{family: [road]}", "{area_class: [A], category: [road.hole]}"], "b"),
        (["{area_class: [A]}", "{family: [road]}"], None),
        (["{}, yields: true", "{condition: [big]}, legal: true"], None),
        (["{}, yields: true", "{condition: [big]}", "{}, legal: true"], "b"),
        (["{}, effective_until: 2027-01-01", "{condition: [big]}"], None),
    ],
)
def test_a_row_with_a_condition_is_shadowed_by_rows_above_that_take_all_of_it(
    tmp_path: Path, rows: list[str], shadowed: str | None
) -> None:
    text = CONDITIONS + "deadlines:\n"
    for name, when in zip("abc", rows, strict=False):
        text += f"  - {{id: {name}, clock: resolve, duration: 1, unit: hour, when: {when}}}\n"
    write_folder(tmp_path, deadlines_yaml=text, examples_yaml="examples: []\n")
    if shadowed is None:
        assert len(load_city(tmp_path).deadlines) == len(rows)
        return
    with pytest.raises(DeclarationError, match=f"row '{shadowed}' is never reached"):
        load_city(tmp_path)


def test_a_step_of_a_state_that_no_case_reaches_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    words = "steps:\n  heard:\n    name: {en: heard, zh: 听证}\n    states: [arbitration]\n"
    (folder / "steps.yaml").write_text(words, encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"steps.yaml:4: no case is ever in arbitration here"):
        load_city(folder)
    city = folder / "city.yaml"
    city.write_text(city.read_text("utf-8") + "life: {arbitrate_after: 2}\n", encoding="utf-8")
    assert load_city(folder).steps["heard"].states == ("arbitration",)

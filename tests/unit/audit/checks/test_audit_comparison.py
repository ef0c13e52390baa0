"""Two runs over the same input: order may matter for links, never for ids, departments and verdicts of like cases."""

from __future__ import annotations

from hub.audit.checks.comparison import RunComparison, compare_tables
from tests.unit.audit.made_up import T0, MadeUpRun, good_run


def different(comparison: RunComparison) -> dict[str, tuple[str, ...]]:
    return {each.what.split(" ")[0]: each.first for each in comparison.differences if each.count}


def by_order(comparison: RunComparison) -> int:
    return sum(each.count for each in comparison.order_dependent)


def test_a_run_agrees_with_itself() -> None:
    comparison = compare_tables(good_run().tables(), good_run().tables())
    assert comparison.good
    assert by_order(comparison) == 0
    assert comparison.same_cases == 3


def test_who_leads_is_order_and_no_difference() -> None:
    one, other = MadeUpRun(), MadeUpRun()
    one.links(one.opens("hotline", "H1"), ("hotline", "H1"), "police", "P1")
    other.links(other.opens("police", "P1"), ("police", "P1"), "hotline", "H1")
    comparison = compare_tables(one.tables(), other.tables())
    assert comparison.good
    assert comparison.same_cases == 0
    assert by_order(comparison) == 4


def test_another_case_id_for_the_same_lead() -> None:
    other = good_run()
    case = other.rows["cases"][0]["case_id"]
    for row in other.rows["cases"]:
        row["case_id"] = row["case_id"].replace(case, "C-OTHER")
    assert "case" in different(compare_tables(good_run().tables(), other.tables()))


def test_another_department_for_the_same_reports() -> None:
    other = good_run()
    other.rows["cases"][-1]["department"] = "water"
    found = different(compare_tables(good_run().tables(), other.tables()))
    assert found == {"department,": (other.rows["cases"][-1]["case_id"],)}


def test_another_last_verdict() -> None:
    other = good_run()
    case = other.rows["cases"][-1]["case_id"]
    other.ring(case, "respond", "MET", at=T0 - 2)
    assert different(compare_tables(good_run().tables(), other.tables())) == {"last": (f"{case} respond",)}


def test_of_a_case_of_several_reports_it_is_the_order_they_joined_in() -> None:
    other = good_run()
    other.ring(other.rows["cases"][0]["case_id"], "respond", "MET", at=T0 - 2)
    comparison = compare_tables(good_run().tables(), other.tables())
    assert comparison.good
    assert by_order(comparison) == 1


def test_an_earlier_verdict_does_not_matter() -> None:
    one, other = good_run(), good_run()
    other.rows["deadlines"].pop(0)
    assert compare_tables(one.tables(), other.tables()).good


def test_other_input() -> None:
    other = good_run()
    other.repeats("hotline", "H1")
    other.letter("deduplicate", "invalid", other.arrive("city.police.events"))
    found = different(compare_tables(good_run().tables(), other.tables()))
    assert found["records"] == ("hotline:H1:0: 1 opened, 1 repeat and 1 opened, 2 repeat",)
    assert found["dead"] == ("deduplicate invalid: 0 and 1",)

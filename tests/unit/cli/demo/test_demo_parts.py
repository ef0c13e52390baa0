"""What the demo is made of, without a hub: reading metrics, drawing them, and judging against the truth."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from rich.console import Console

from hub.cli.demo.run import is_short
from hub.cli.demo.scenes import acts_of
from hub.cli.demo.verdict import compare_counts, score_links
from hub.cli.demo.view import Snapshot, View, what_latency_is
from hub.cli.demo.witness import SeenCases
from hub.cli.process.children import environment_of
from hub.clock import ClockKind
from hub.errors import FatalError
from hub.scrape import Metrics, fetch
from hub.settings import Settings
from hub.simulator.truth import Truth

TEXT = """
# TYPE hub_events_in_total counter
hub_events_in_total{agent="deduplicate",source="police"} 7.0
hub_events_in_total{agent="deduplicate",source="water"} 5.0
hub_events_in_total{agent="route",source="hub.events"} 6.0
# TYPE hub_outcomes_total counter
hub_outcomes_total{agent="route",outcome="opened"} 4.0
hub_outcomes_total{agent="route",outcome="linked"} 2.0
# TYPE hub_deadline_breaches_total counter
hub_deadline_breaches_total{department="water",clock="accept"} 1.0
hub_deadline_breaches_total{department="water",clock="resolve"} 2.0
# TYPE hub_lag_records gauge
hub_lag_records{agent="route",partition="0"} 3.0
"""


def test_samples_are_added_up_by_label() -> None:
    metrics = Metrics(TEXT)
    assert metrics.total("hub_events_in_total", agent="deduplicate") == 12
    assert metrics.by("source", "hub_events_in_total", agent="deduplicate") == {"police": 7, "water": 5}
    assert metrics.by("department", "hub_deadline_breaches_total") == {"water": 3}
    assert metrics.total("hub_nothing_total") == 0
    assert metrics.quantile(0.5, "hub_latency_seconds") is None


@given(st.lists(st.floats(0.001, 9), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_quantile_lies_in_the_bucket_of_its_observation(observed: list[float], share: float) -> None:
    registry, bounds = CollectorRegistry(), (0.1, 1, 5, 10)
    histogram = Histogram("t_seconds", "", ["agent"], buckets=bounds, registry=registry)
    for value in observed:
        histogram.labels("route").observe(value)
    found = Metrics(generate_latest(registry).decode()).quantile(share, "t_seconds", agent="route")
    exact = sorted(observed)[max(0, -int(-share * len(observed) // 1) - 1)]
    upper = next(bound for bound in bounds if exact <= bound)
    lower = max((bound for bound in bounds if bound < upper), default=0)
    assert found is not None
    assert lower <= found <= upper + 1e-9


def test_a_page_nobody_serves_is_nothing() -> None:
    assert fetch("http://127.0.0.1:1/metrics") is None


def test_the_view_says_what_the_metrics_say() -> None:
    view = View("Town", ["police"], ["water"], "Asia/Shanghai")
    shot = Snapshot(Metrics(TEXT), 3.0, 1_772_402_400_000, dead=9)
    line = view.line(shot)
    for said in ("06:00", "events 7 ", "cases 4", "links 2", "dead 9", "updates 5", "breaches 3", "lag 3"):
        assert said in line
    console = Console(width=160, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115 - lives as long as the test
    console.print(view.tables(replace(shot, seconds=4.0)))
    drawn = console.export_text()
    assert "water" in drawn
    assert "police in" in drawn
    console.file.close()


@pytest.mark.parametrize(
    ("minutes", "real", "forever", "short"),
    [
        (None, False, False, True),
        (1.0, False, False, True),
        (60.0, False, False, False),
        (None, True, False, False),
        (None, False, True, False),
    ],
)
def test_only_a_demo_that_is_soon_over_has_a_broker_for_minutes(
    minutes: float | None, real: bool, forever: bool, short: bool
) -> None:
    assert is_short(minutes, real=real, forever=forever) == short


def test_it_says_what_the_latency_of_a_demo_is_made_of() -> None:
    assert what_latency_is(Snapshot(Metrics(TEXT), 3.0), 2) == ""
    registry = CollectorRegistry()
    for name, seconds in (("hub_latency_seconds", 3.0), ("hub_transaction_seconds", 0.9)):
        Histogram(name, "", ["agent"], buckets=(seconds, 10), registry=registry).labels("route").observe(seconds)
    said = what_latency_is(Snapshot(Metrics(generate_latest(registry).decode()), 3.0), 2)
    assert "took 1500 ms (p50)" in said, "within its bucket, as the line beside it says it"
    assert "(450 ms that of `route`)" in said
    assert "2 processors" in said


def test_the_rate_is_that_of_the_last_seconds() -> None:
    view = View("Town", ["police"], [], "UTC")
    view.line(Snapshot(Metrics(), 0.0))
    assert "(6/s)" in view.line(Snapshot(Metrics(TEXT), 2.0))


def a_truth() -> Truth:
    truth = Truth()
    truth.rows.update(police=4, hotline=3)
    truth.broken.update(police=1)
    truth.repeats.update(hotline=1)
    truth.reports = {
        ("police", "a"): 1,
        ("hotline", "b"): 1,
        ("police", "c"): 1,
        ("hotline", "d"): 2,
        ("police", "e"): 3,
    }
    return truth


def test_perfect_cases_score_full() -> None:
    cases = SeenCases(lead={"A": ("hotline", "b"), "D": ("hotline", "d"), "E": ("police", "e")})
    cases.linked["A"] = [("police", "a"), ("police", "c")]
    links = score_links(a_truth(), cases)
    assert (links.true, links.right, links.false) == (2, 2, 0)
    assert links.recall == links.precision == 1


def test_missed_and_false_links_are_told_apart() -> None:
    cases = SeenCases(lead={"A": ("police", "a"), "C": ("police", "c"), "D": ("hotline", "d")})
    cases.linked["A"] = [("hotline", "b"), ("police", "e")]
    links = score_links(a_truth(), cases)
    assert (links.true, links.right, links.made, links.false) == (2, 1, 2, 1)
    assert links.recall == links.precision == 0.5


def test_counts_that_differ_are_said() -> None:
    arguments = {
        "taken_in": Counter(police=3, hotline=3, water=5),
        "repeats": Counter({"hotline": 1, "dept.water": 1}),
        "receipts": Counter(accepted=2, repeat=1, unknown_case=1, not_allowed=1, waiting=2),
        "dead": Counter(
            {("connector:police", "bad_row"): 1, ("track", "unknown_case"): 1, ("track", "not_allowed"): 1}
        ),
        "sent": Counter(water=5),
        "sent_twice": 1,
        "strays": 1,
    }
    assert all(check.good for check in compare_counts(a_truth(), **arguments))
    for changed in (
        {"taken_in": Counter(police=3, hotline=2, water=5)},
        {"repeats": Counter({"hotline": 1})},
        {"dead": Counter({("track", "unknown_case"): 1})},
        {"strays": 0},
        {"receipts": Counter(accepted=2, repeat=1, unknown_case=1)},
        {"receipts": Counter(accepted=3, repeat=1, unknown_case=1)},
    ):
        assert not all(check.good for check in compare_counts(a_truth(), **arguments | changed))


def test_the_case_with_breach_and_links_is_the_one_to_look_at() -> None:
    cases = SeenCases(lead={name: ("police", name) for name in "abc"})
    assert cases.worth_explaining() in cases.lead
    assert SeenCases().worth_explaining() is None
    cases.linked["a"] = [("police", "x")]
    cases.breached.update("bc")
    cases.linked["c"] = [("police", "y")]
    assert cases.worth_explaining() == "c"


def test_children_get_the_settings_and_nothing_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYHUB_REGISTRY_URL", "http://stale")
    settings = Settings(clock=ClockKind.DATA, web_port=7000)
    assert Settings.from_env(environment_of(settings)) == settings


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match=r"lacks boston311_2015_dev_events\.csv"):
        acts_of(tmp_path)

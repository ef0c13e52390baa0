"""Which names an expression refers to."""

import pytest

from ops.checks.promql import plain, references


@pytest.mark.parametrize(
    ("expression", "metrics", "labels"),
    [
        ("up", {"up"}, set()),
        ('sum by (a, b) (rate(x_total{c="by (z)", d!~"y|z"}[5m]))', {"x_total"}, {"a", "b", "c", "d"}),
        ("sum(x) by (a) / on (b) group_left (c) y offset 5m", {"x", "y"}, {"a", "b", "c"}),
        ("histogram_quantile(0.99, sum by (le) (rate(h_bucket[$__rate_interval]))) > 1e3", {"h_bucket"}, {"le"}),
        ("a:b:c != 0 or vector(0) unless m{x='1'} == bool 3", {"a:b:c", "m"}, {"x"}),
        ("time() - p_seconds and on () q", {"p_seconds", "q"}, set()),
        ("max_over_time((sum(x))[10m:1m])", {"x"}, set()),
    ],
)
def test_names(expression: str, metrics: set[str], labels: set[str]) -> None:
    found = references(expression)
    assert found.metrics == metrics
    assert found.labels == labels


def test_grafana_durations_are_replaced_and_nothing_else() -> None:
    assert (
        plain("rate(x[$__rate_interval]) + rate(y[${__range}]) + $other", "7m") == "rate(x[7m]) + rate(y[7m]) + $other"
    )

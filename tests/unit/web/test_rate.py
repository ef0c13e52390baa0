"""A bucket for each caller, and no more memory than for so many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.web import rate
from hub.web.rate import CallRate, caller_of


@given(st.lists(st.floats(0, 20), max_size=60), st.integers(1, 10), st.floats(0.1, 5))
def test_nobody_gets_more_than_the_burst_and_the_rate(pauses: list[float], burst: int, per_second: float) -> None:
    now = 0.0
    bucket = CallRate(burst, per_second, lambda: now)
    allowed = 0
    for pause in pauses:
        now += pause
        wait = bucket.wait_seconds("a")
        allowed += wait == 0
        assert wait >= 0
    assert allowed <= burst + now * per_second + 1e-6


def test_who_waits_as_told_is_let_in() -> None:
    now = 0.0
    bucket = CallRate(1, 0.25, lambda: now)
    assert bucket.wait_seconds("a") == 0
    wait = bucket.wait_seconds("a")
    now += wait
    assert (wait, bucket.wait_seconds("a"), bucket.wait_seconds("b")) == (4, 0, 0)


def test_many_callers_take_no_more_room() -> None:
    bucket = CallRate(1, 1, lambda: 0.0)
    for number in range(rate._MOST_CALLERS + 100):
        bucket.wait_seconds(str(number))
    assert len(bucket._buckets) == rate._MOST_CALLERS


def test_a_customer_has_one_bucket_for_all_addresses_of_his_network() -> None:
    assert caller_of("2001:db8:1:2::1") == caller_of("2001:db8:1:2:ffff::9%eth0") != caller_of("2001:db8:1:3::1")
    assert caller_of("::ffff:192.0.2.1") == caller_of("192.0.2.1") == "192.0.2.1"
    assert caller_of("testclient") == "testclient"

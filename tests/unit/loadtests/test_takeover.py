"""The pause of a takeover, read off positions over time."""

from __future__ import annotations

import pytest

from loadtests.takeover import pause


def test_the_longest_standstill_of_any_partition_counts() -> None:
    samples = [(0.0, (0, 0)), (1.0, (5, 1)), (2.0, (6, 1)), (3.0, (7, 1)), (4.0, (8, 9)), (5.0, (9, 10))]
    assert pause(samples, 0.0, 10.0) == 3.0


def test_a_partition_that_never_moves_again_stands_to_the_end() -> None:
    assert pause([(0.0, (1,)), (4.0, (1,)), (9.0, (1,))], 2.0, 6.0) == pytest.approx(2.0)
    assert pause([(0.0, (1,)), (4.0, (2,)), (9.0, (2,))], 0.0, 20.0) == 5.0


def test_nothing_seen_is_no_pause() -> None:
    assert pause([], 0.0, 1.0) == 0.0

"""The order in which files of tests are given out: those that wait for brokers and processes among those that compute.

One after the other, as folders come, workers first wait together while the cores idle, and then compute together.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

_WAIT = {"kafka", "crash", "process"}


def mixed(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The same tests, each file's in their order. The same order each time, as workers must agree on it."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    waiting = [tests for tests in files.values() if _waits(tests)]
    computing = [tests for tests in files.values() if not _waits(tests)]
    share = len(computing) // (len(waiting) + 1)
    found: list[list[pytest.Item]] = []
    for at, tests in enumerate(waiting):
        found += [tests, *computing[at * share : (at + 1) * share]]
    found += computing[len(waiting) * share :]
    return [test for tests in found for test in tests]


def _waits(tests: Sequence[pytest.Item]) -> bool:
    return any(mark.name in _WAIT for test in tests for mark in test.iter_markers())

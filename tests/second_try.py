"""A plugin of pytest, for continuous integration alone: a test that runs other processes gets one more try, and is listed then.

`.ci/run` loads it, beside pytest-rerunfailures (MPL-2.0), which runs the test again. On a machine that is busy with other things a
process may be late beyond any limit; what needs no other process has no such excuse, and no law of hypothesis has one.
"""

from __future__ import annotations

from typing import Any

import pytest

_MARKS = ("kafka", "crash", "process")
_LIMIT = pytest.StashKey[Any]()
"""What pytest-timeout was told of a test. It sets its timer once, before the first try."""
_TRIED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.get_closest_marker(name) for name in _MARKS) and not _is_law(item):
            item.add_marker(pytest.mark.flaky(reruns=1))


def _is_law(item: pytest.Item) -> bool:
    return getattr(getattr(item, "obj", None), "is_hypothesis_test", False)


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> None:
    item.stash[_LIMIT] = settings


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """The second try has as long as the first."""
    if item.stash.get(_TRIED, False) and _LIMIT in item.stash:
        item.ihook.pytest_timeout_cancel_timer(item=item)
        item.ihook.pytest_timeout_set_timer(item=item, settings=item.stash[_LIMIT])
    item.stash[_TRIED] = True

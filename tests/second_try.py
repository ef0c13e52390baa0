"""A plugin of pytest, for continuous integration alone: a test that runs other processes gets one more try, and is listed then.

`.ci/run` loads it, beside pytest-rerunfailures (MPL-2.0), which runs the test again. On a machine that is busy with other things a
process may be late beyond any limit; what needs no other process has no such excuse, and no law of hypothesis has one.
"""

from __future__ import annotations

import pytest

_MARKS = ("kafka", "crash", "process")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.get_closest_marker(name) for name in _MARKS) and not _is_law(item):
            item.add_marker(pytest.mark.flaky(reruns=1))


def _is_law(item: pytest.Item) -> bool:
    return getattr(getattr(item, "obj", None), "is_hypothesis_test", False)

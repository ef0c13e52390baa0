"""Laws of the digest tables: they answer as a dict would, whatever the order, and forget by the window only."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hub.core.seen import MISSING, DigestTable, Memory, digests, first_of_each, joined

keys = st.lists(st.text(max_size=8), unique=True, min_size=1, max_size=200)


@given(st.lists(keys, min_size=1, max_size=8), keys)
def test_a_table_answers_as_a_dict_does(batches: list[list[str]], asked: list[str]) -> None:
    table, expected = DigestTable(slots=4), dict[str, int]()
    for batch in batches:
        fresh = [key for key in batch if key not in expected]
        values = np.arange(len(expected), len(expected) + len(fresh), dtype=np.int64)
        table.insert(digests(fresh), values)
        expected.update(zip(fresh, values.tolist(), strict=True))
    assert len(table) == len(expected)
    assert table.find(digests(asked)).tolist() == [expected.get(key, int(MISSING)) for key in asked]


def test_colliding_slots_keep_every_digest() -> None:
    fresh = np.zeros((300, 2), dtype=np.uint64)
    fresh[:, 0] = 5  # all want the same slot
    fresh[:, 1] = np.arange(1, 301)
    table = DigestTable(slots=4)
    table.insert(fresh, np.arange(300, dtype=np.int64))
    assert table.find(fresh).tolist() == list(range(300))


@given(st.lists(st.sampled_from("abcdef"), max_size=40))
def test_first_of_each_points_at_the_first_equal_row(rows: list[str]) -> None:
    assert first_of_each(digests(rows)).tolist() == [rows.index(row) for row in rows]


def test_a_memory_keeps_its_window_and_forgets_after_twice_that() -> None:
    memory = Memory(window_ms=1000)
    old, young, new = (digests([name]) for name in ("old", "young", "new"))
    memory.insert(old, np.array([1]), now_ms=0)
    memory.insert(young, np.array([2]), now_ms=1000)
    assert memory.find(old).tolist() == [1]
    memory.insert(new, np.array([3]), now_ms=2000)
    assert memory.find(old).tolist() == [MISSING]
    assert memory.find(young).tolist() == [2]
    assert memory.find(new).tolist() == [3]


def test_columns_cannot_run_into_each_other() -> None:
    assert len(set(joined(["a", "ab"], ["bc", "c"]))) == 2


def test_digests_are_stable() -> None:
    """They are kept in Kafka for weeks: another function would forget everything."""
    assert digests(["police\x1fA-1\x1f0"]).tolist() == [[3270563405512675166, 7093646575514747924]]

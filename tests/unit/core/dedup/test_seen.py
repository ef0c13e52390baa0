"""Laws of the digest tables: they answer as a dict would, whatever the order, and forget by the window only."""

from __future__ import annotations

from random import Random

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hub.core.dedup.digests import MISSING, Contents, Digests, DigestTable, Memory, digests, first_of_each, mixed

keys = st.lists(st.text(max_size=8), unique=True, min_size=1, max_size=200)


def of(texts: list[str]) -> Digests:
    return digests(pa.array(texts, pa.string()))


def nothing(count: int) -> Contents:
    return np.zeros(count, dtype=np.uint32)


@given(st.lists(keys, min_size=1, max_size=8), keys)
def test_a_table_answers_as_a_dict_does(batches: list[list[str]], asked: list[str]) -> None:
    table, expected = DigestTable(2, buckets=1), dict[str, int]()
    for batch in batches:
        fresh = [key for key in batch if key not in expected]
        values = np.arange(len(expected), len(expected) + len(fresh), dtype=np.int64)
        table.insert(of(fresh), np.stack([values, -values], axis=1), values.astype(np.uint32))
        expected.update(zip(fresh, values.tolist(), strict=True))
    assert len(table) == len(expected)
    answers = [[expected[key], -expected[key], expected[key]] if key in expected else [MISSING] * 3 for key in asked]
    assert table.find(of(asked)).tolist() == answers


def test_colliding_digests_are_kept_apart() -> None:
    fresh = np.zeros((300, 2), dtype=np.uint64)
    fresh[:, 0] = 5  # all want the same bucket, by the same tag
    fresh[:, 1] = np.arange(1, 301)
    table = DigestTable(1, buckets=1)
    table.insert(fresh, np.arange(300).reshape(-1, 1), nothing(300))
    assert table.find(fresh)[:, 0].tolist() == list(range(300))
    assert first_of_each(np.concatenate([fresh, fresh])).tolist() == [*range(300), *range(300)]


def test_a_remembered_key_takes_64_bytes_at_most() -> None:
    rng = np.random.default_rng(7)
    table = DigestTable(2)
    for _ in range(200):
        fresh = rng.integers(
            0, 1 << 64, (500, 2), dtype=np.uint64
        )  # of all bits: half of them would fill half of the buckets
        table.insert(fresh, np.zeros((500, 2), dtype=np.int64), nothing(500))
        if len(table) > 10_000:
            assert table.nbytes <= 64 * len(table)


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=40))
def test_first_of_each_points_at_the_first_equal_row(rows: list[str]) -> None:
    assert first_of_each(of(rows)).tolist() == [rows.index(row) for row in rows]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-3, 3)), min_size=1, unique=True))
def test_mixed_keys_differ_where_key_or_number_does(rows: list[tuple[str, int]]) -> None:
    found = mixed(of([key for key, _ in rows]), np.array([number for _, number in rows]))
    assert len({tuple(row) for row in found.tolist()}) == len(rows)


def test_a_memory_keeps_its_window_and_forgets_after_twice_that() -> None:
    memory = Memory(window_ms=1000, width=1)
    old, young, new = (of([name]) for name in ("old", "young", "new"))
    memory.insert(old, np.array([[1]]), nothing(1), now_ms=0)
    memory.insert(young, np.array([[2]]), nothing(1), now_ms=1000)
    assert memory.find(old)[:, 0].tolist() == [1]
    memory.insert(new, np.array([[3]]), nothing(1), now_ms=2000)
    assert memory.find(old)[:, 0].tolist() == [MISSING]
    assert memory.find(young)[:, 0].tolist() == [2]
    assert memory.find(new)[:, 0].tolist() == [3]


def test_columns_cannot_run_into_each_other() -> None:
    one, other = digests(pa.array(["a", "ab"]), pa.array(["bc", "c"])).tolist()
    assert one != other


def test_digests_are_stable() -> None:
    """They are kept in Kafka for weeks: another function would forget everything."""
    one = of(["police\x1fA-1\x1f0"])
    assert one.tolist() == [[3270563405512675166, 7093646575514747924]]
    assert mixed(one, np.array([1])).tolist() == [[12450399951631794563, 17627591861647731092]]


@given(st.lists(st.integers(0, 6000), min_size=1, max_size=20), st.randoms())
def test_what_a_memory_holds_does_not_depend_on_the_order_of_adding(times: list[int], random: Random) -> None:
    """Partitions are read back one after the other, each from its own beginning."""
    batches = list(enumerate(times))
    random.shuffle(batches)
    memory = Memory(window_ms=1000, width=1)
    for number, now_ms in batches:
        memory.insert(of([str(number)]), np.array([[number]]), nothing(1), now_ms)
    newest = max(times) // 1000
    held = [number if now_ms // 1000 >= newest - 1 else MISSING for number, now_ms in enumerate(times)]
    assert memory.find(of([str(number) for number in range(len(times))]))[:, 0].tolist() == held
    assert len(memory) == sum(each != MISSING for each in held)

"""murmur2 of a whole column is murmur2 of each key, as Kafka's own clients have it."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hub.stream.writing.partitioning import murmur2, murmur2_of_one, partition_of, partitions_of


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 50))
def test_a_column_is_placed_as_each_of_its_keys(keys: list[bytes], partitions: int) -> None:
    column = pa.array(keys, pa.binary())
    assert murmur2(column).tolist() == [murmur2_of_one(key) % 2**32 for key in keys]
    assert partitions_of(column, partitions).tolist() == [partition_of(key, partitions) for key in keys]


@given(st.lists(st.text(max_size=20), max_size=30), st.integers(0, 10), st.integers(0, 10))
def test_text_and_slices(keys: list[str], begin: int, end: int) -> None:
    column = pa.array(keys, pa.string()).slice(begin, end)
    assert partitions_of(column, 7).tolist() == [partition_of(key, 7) for key in keys[begin : begin + end]]

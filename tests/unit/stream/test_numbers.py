"""Who reads which partition: every one is read by one worker, whatever an administrator has done to the topics."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.stream.numbers import number_of, places_of

counts = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 20))


@given(counts, st.integers(1, 8), st.data())
def test_workers_that_share_the_numbers_share_all_partitions(
    topics: dict[str, int], numbers: int, data: st.DataObject
) -> None:
    holder = data.draw(st.lists(st.integers(0, 2), min_size=numbers, max_size=numbers))
    read = [
        place
        for worker in range(3)
        for place in places_of({n for n in range(numbers) if holder[n] == worker}, topics, numbers)
    ]
    assert sorted(read) == sorted((topic, partition) for topic, count in topics.items() for partition in range(count))


@given(st.integers(1, 50), st.data())
def test_a_partition_that_was_there_from_the_start_is_its_own_number(numbers: int, data: st.DataObject) -> None:
    partition = data.draw(st.integers(0, numbers - 1))
    assert number_of(partition, numbers) == partition

"""Which partitions nobody else has worked on since they were taken away."""

from __future__ import annotations

from confluent_kafka import TopicPartition

from hub.stream.changelog.claims import still_claimed


def _committed(*places: tuple[str, int, str]) -> list[TopicPartition]:
    return [TopicPartition(topic, partition, 7, claim) for topic, partition, claim in places]


def test_a_partition_is_ones_own_if_all_its_topics_say_so() -> None:
    places = _committed(("a", 0, "mine"), ("b", 0, "mine"), ("a", 1, "mine"), ("b", 1, "theirs"))
    assert still_claimed(places, "mine", 3) == {0}
    assert still_claimed(reversed(places), "mine", 3) == {0}


def test_an_offset_without_a_claim_is_nobodys() -> None:
    assert still_claimed([*_committed(("a", 0, ""), ("a", 1, "mine")), TopicPartition("a", 2, 7)], "mine", 3) == {1}


def test_who_has_claimed_nothing_keeps_nothing() -> None:
    assert still_claimed(_committed(("a", 0, "")), "", 3) == set()


def test_an_added_partition_speaks_for_its_number() -> None:
    """Of three numbers: partition 4 counts to number 1, and nobody has claimed it yet."""
    assert still_claimed(_committed(("a", 0, "mine"), ("a", 1, "mine"), ("a", 4, "")), "mine", 3) == {0}
    assert still_claimed(_committed(("a", 0, "mine"), ("a", 1, "mine"), ("a", 4, "mine")), "mine", 3) == {0, 1}

"""Where reading goes on: nothing is passed over without a gap that says so, and nothing is called a gap that was read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.errors import GAP_REASONS, Reason
from hub.stream.kafka.extent import Extent
from hub.stream.letters.gaps import ReadSoFar, resume

offsets = st.integers(0, 50)
extents = st.builds(lambda low, size: Extent(low, low + size, "log"), offsets, offsets)
knowns = st.builds(
    ReadSoFar, st.none() | offsets, st.booleans(), st.none() | offsets, st.sampled_from(["", "log", "another log"])
)


@given(knowns, extents)
def test_it_reads_on_where_there_is_something_to_read(known: ReadSoFar, extent: Extent) -> None:
    start, gap = resume("t", 3, known, extent)
    assert extent.low <= start <= extent.high
    if gap is not None:
        assert (gap.topic, gap.partition, gap.until) == ("t", 3, start)
        assert gap.reason in GAP_REASONS
        assert gap.records_at_most == max(0, gap.until - gap.begin)


@given(knowns, extents)
def test_nothing_is_passed_over_without_a_word(known: ReadSoFar, extent: Extent) -> None:
    """What had been read: to the group's offset, unless somebody set that by hand; else to where the state goes."""
    start, gap = resume("t", 0, known, extent)
    read = known.end if known.committed is None or (known.by_hand and known.end is not None) else known.committed
    if known.log == "another log" and read == 0:
        assert (start, gap) == (extent.low, None), "nothing of the old one was ever read"
    elif gap is None:
        set_back = known.by_hand and known.committed == start
        assert read is None or start == read or (set_back and start < read)
    else:
        assert read is not None
        if gap.begin != read:  # read anew from an offset that was set back by hand, and which is gone by now
            assert known.by_hand
            assert gap.begin == known.committed


@given(offsets, extents, st.sampled_from(["", "log"]))
def test_an_offset_within_the_log_is_no_gap(committed: int, extent: Extent, log: str) -> None:
    start, gap = resume("t", 0, ReadSoFar(committed, log=log), extent)
    if extent.low <= committed <= extent.high:
        assert (start, gap) == (committed, None)
    elif committed < extent.low:
        assert gap is not None
        assert (gap.reason, gap.begin, gap.until) == (Reason.GAP, committed, extent.low)
    else:
        assert gap is not None
        assert (gap.reason, gap.begin, gap.records_at_most) == (Reason.MOVED_BACK, committed, 0)
        assert start == (extent.high if log else extent.low), "a log that was cut goes on at its end"


@given(extents)
def test_a_partition_that_was_never_read_begins_where_its_log_does(extent: Extent) -> None:
    assert resume("t", 0, ReadSoFar(), extent) == (extent.low, None)


def test_a_topic_made_anew_is_read_from_its_beginning_however_long_it_is() -> None:
    start, gap = resume("t", 0, ReadSoFar(committed=5, log="old"), Extent(0, 9, "new"))
    assert start == 0
    assert gap is not None
    assert (gap.reason, gap.begin, gap.until) == (Reason.MOVED_BACK, 5, 0)


def test_a_group_that_the_broker_has_forgotten_goes_on_where_the_state_ends() -> None:
    assert resume("t", 0, ReadSoFar(end=7, log="log"), Extent(0, 9, "log")) == (7, None)


def test_an_offset_set_ahead_by_hand_is_a_gap_that_somebody_wanted() -> None:
    start, gap = resume("t", 0, ReadSoFar(8, by_hand=True, end=5, log="log"), Extent(0, 9, "log"))
    assert start == 8
    assert gap is not None
    assert (gap.reason, gap.begin, gap.until) == (Reason.SKIPPED, 5, 8)


def test_the_letter_says_where_from_and_to() -> None:
    _, gap = resume("city.police.events", 2, ReadSoFar(431), Extent(650, 700))
    assert gap is not None
    letter = gap.letter("deduplicate", 17)
    assert (letter["origin"]["topic"], letter["origin"]["partition"]) == ("city.police.events", 2)
    assert (letter["origin"]["offset"], letter["until"], letter["reason"]) == (431, 650, "gap")
    assert "219" in letter["detail"]
    assert gap.place == "city.police.events[2]@431-650"

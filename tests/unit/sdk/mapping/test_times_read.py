"""Times as systems write them are read as they are meant, or refused: none is guessed, and none is read without what it says."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hub.errors import Reason, RejectedRecordError
from hub.sdk.mapping.specs import FieldSpec
from hub.sdk.mapping.times import parse_time

SHANGHAI = ZoneInfo("Asia/Shanghai")


def read(text: str, *formats: str) -> str:
    """In UTC, to the minute."""
    return f"{datetime.fromtimestamp(parse_time(text, formats, SHANGHAI) / 1000, UTC):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize("text", ["2024-03-05+08:00", "20240305+0800", "2024-03-05+08"])
def test_what_stands_behind_a_bare_date_is_its_zone_and_no_time_of_day(text: str) -> None:
    assert read(text, "iso") == "2024-03-04 16:00"
    assert read("2024-03-05Z", "iso") == "2024-03-05 00:00"


def test_a_zone_that_may_be_an_hour_is_not_guessed() -> None:
    with pytest.raises(RejectedRecordError) as caught:
        read("2024-03-05-08:00", "iso")
    assert caught.value.reason == Reason.BAD_ROW


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("2024-02-29T24:00", "iso"), ("2024-02-29 24:00:00.000", "iso"), ("20240229T240000+0800", "iso"),
        ("2024-2-29 24:00", "ymd"), ("2024/2/29 24:00:00", "ymd"),
    ],
)  # fmt: skip
def test_the_end_of_a_day_is_the_beginning_of_the_next(text: str, format: str) -> None:
    assert read(text, format) == "2024-02-29 16:00"


@pytest.mark.parametrize("text", ["2024-03-05 24:00:01", "2024-03-05 24:30", "2024-02-30 24:00"])
def test_there_is_nothing_behind_the_end_of_a_day(text: str) -> None:
    with pytest.raises(RejectedRecordError):
        read(text, "iso", "ymd")


def test_halves_of_the_day_in_chinese() -> None:
    assert read("2024年3月5日 上午8时", "%Y年%m月%d日 %p%I时") == "2024-03-05 00:00"
    assert read("2024/3/5 下午 3:05", "%Y/%m/%d %p %I:%M") == "2024-03-05 07:05"


@pytest.mark.parametrize(
    ("formats", "way_out"),
    [
        (["%Y-%m-%d %H:%M %Z"], "time_zone"),  # "08:00 UTC" would be eight o'clock at the place
        (["%Y-%m-%d %H:%M %p"], "%I"),  # "03:05 PM" would be five past three in the night
        (["%Y-%m-%d %I:%M"], "%p"),
        (["%H:%M"], "no year"),
        (["%d/%m/%Y", "%m/%d/%Y"], "two different times"),
        (["%y/%m/%d", "%d/%m/%y"], "two different times"),
        (["%Y%m%d%H%M", "%Y%m%d"], "two different times"),  # 20241123 would be the first of January, 02:03
        (["epoch_s", "%Y%m%d"], "two different times"),
    ],
)
def test_a_format_that_leaves_out_or_guesses_is_refused(formats: list[str], way_out: str) -> None:
    with pytest.raises(ValueError, match=way_out):
        FieldSpec(column="at", formats=formats)


@pytest.mark.parametrize(
    "formats",
    [
        ["%Y%m%d", "%Y%m%d%H%M"], ["%d.%m.%Y %H:%M", "%d.%m.%Y"], ["iso", "ymd", "epoch_ms", "epoch_s"],
        ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y"], ["%d/%b/%Y:%H:%M:%S %z"],
    ],
)  # fmt: skip
def test_formats_that_keep_apart_are_taken(formats: list[str]) -> None:
    assert FieldSpec(column="at", formats=formats).formats == formats

"""Declared mappings: what they say is what comes out; what is wrong in them is named with file and line."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import EARLIEST_MS, LATEST_MS
from hub.errors import FatalError, Reason, RejectedRecordError
from hub.sdk.fields import Mapper
from hub.sdk.mapping import Mapping, load_mapping
from hub.sdk.times import parse_time

SHANGHAI = ZoneInfo("Asia/Shanghai")


def mapper(event: dict[str, object], **more: object) -> Mapper:
    base = {"source_ref": "id", "reported_at": {"column": "at", "formats": ["epoch_ms"]}}
    declared = {"description": "test", "format": "csv", "event": base | event, **more}
    return Mapper(Mapping.model_validate(declared), "hotline")


ROW = {"id": "1", "at": "1767672578123"}


def test_every_kind_of_origin() -> None:
    event = mapper(
        {
            "title": {"template": "{no}. {street}  end"},
            "text": {"concat": ["x", "empty", "y"], "separator": ", "},
            "category": {"column": "c", "map": {1: "one"}, "default": "other"},
            "channel": {"column": "ch", "default": "phone"},
            "attributes": ["x", "empty"],
            "attachments": {"column": "photos", "split": ";"},
            "place": {"lat": "lat", "lon": "lon", "nowhere": [[1.5, 2.5]]},
        }
    ).event(
        ROW
        | {
            "no": 7,
            "street": "",
            "x": "a",
            "empty": " ",
            "y": "b",
            "c": 1,
            "photos": "u1; ;u2",
            "lat": "1.5",
            "lon": 2.5,
        }
    )
    assert event is not None
    assert (event.title, event.text, event.category, event.channel) == ("7. end", "a, b", "one", "phone")
    assert event.attributes == {"x": "a"}
    assert [each.uri for each in event.attachments] == ["u1", "u2"]
    assert (event.place.lat, event.place.lon) == (None, None)


def test_a_digest_is_the_same_for_the_same_row_only() -> None:
    made = mapper({"source_ref": {"digest": ["id", "x"]}})
    refs = {made.event(ROW | {"x": x}).source_ref for x in ("a", "a", "b")}  # type: ignore[union-attr]
    assert len(refs) == 2
    # joined columns must not run together
    assert made.event(ROW | {"id": "1a", "x": ""}) != made.event(ROW | {"id": "1", "x": "a"})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": ""}, Reason.INVALID),
        ({"id": "x" * 201}, Reason.TOO_LARGE),
        ({"title": "x" * 1001}, Reason.TOO_LARGE),
        ({"text": "字" * 200_001}, Reason.TOO_LARGE),
        ({"at": ""}, Reason.BAD_ROW),
        ({"at": "soon"}, Reason.BAD_ROW),
        ({"at": "-62135596800000"}, Reason.TIME_OUT_OF_RANGE),
        ({"at": "99999999999999999999"}, Reason.TIME_OUT_OF_RANGE),
        ({"lat": "1.0"}, Reason.INVALID),
        ({"lat": "nan", "lon": "1"}, Reason.INVALID),
        ({"lat": "north", "lon": "1"}, Reason.BAD_ROW),
        ({"revision": "one"}, Reason.BAD_ROW),
        ({"revision": str(2**31)}, Reason.INVALID),
        ({"kind": "reopened"}, Reason.BAD_ROW),
    ],
)
def test_rejects_name_the_reason_and_never_quote_the_value(changes: dict[str, str], reason: Reason) -> None:
    made = mapper(
        {
            "title": "title", "text": "text", "revision": "revision", "place": {"lat": "lat", "lon": "lon"},
            "kind": {"column": "kind", "map": {"": "OPENED"}},
        }
    )  # fmt: skip
    with pytest.raises(RejectedRecordError) as caught:
        made.event(ROW | changes)
    assert caught.value.reason == reason
    (value,) = list(changes.values())[:1]
    assert len(value) < 4 or value not in str(caught.value)


def test_a_source_may_count_no_revisions_and_then_has_none() -> None:
    counting, not_counting = mapper({}).event(ROW), mapper({"revisions": "none"}).event(ROW)
    assert counting is not None
    assert not_counting is not None
    assert (counting.revision_counted, not_counting.revision_counted) == (True, False)
    with pytest.raises(ValueError, match="leave one of them out"):
        mapper({"revisions": "none", "revision": "id"})


def test_where_leaves_out() -> None:
    made = mapper({}, where=[{"column": "s", "among": ["a"]}, {"column": "t", "empty": False}])
    assert made.event(ROW | {"s": "a", "t": "x"})
    assert made.event(ROW | {"s": "b", "t": "x"}) is None
    assert made.event(ROW | {"s": "a", "t": ""}) is None


@given(st.integers(EARLIEST_MS, LATEST_MS))
def test_times_survive_every_way_of_writing_them(at: int) -> None:
    moment = datetime.fromtimestamp(at // 1000, UTC)
    ms = int(moment.timestamp() * 1000)
    local = moment.astimezone(SHANGHAI)
    for text in (
        moment.isoformat(), f"{local:%Y-%m-%d %H:%M:%S}" if not local.fold else moment.isoformat(), f"{ms}",
    ):  # fmt: skip
        assert parse_time(text, ["epoch_ms", "iso"], SHANGHAI) == ms
    assert parse_time(f"{local.year}/{local.month}/{local.day} {local.hour}:{local:%M:%S}", ["ymd"], SHANGHAI) in (
        ms,
        ms - 3_600_000 if local.fold else ms,
    )
    assert parse_time(f"{ms // 1000}", ["epoch_s"], SHANGHAI) == ms


@pytest.mark.parametrize("text", ["0001-01-01 00:00:00", "0001/1/1 00:00:00"])
def test_the_year_one_is_read_and_then_refused_by_the_event(text: str) -> None:
    made = mapper({"reported_at": {"column": "at", "formats": ["iso", "ymd"]}}, time_zone="Asia/Shanghai")
    with pytest.raises(RejectedRecordError) as caught:
        made.event(ROW | {"at": text})
    assert caught.value.reason == Reason.TIME_OUT_OF_RANGE


def test_local_times_follow_daylight_saving() -> None:
    new_york = ZoneInfo("America/New_York")
    summer = parse_time("2015-07-01 00:00:00", ["iso"], new_york)
    winter = parse_time("2015-01-01 00:00:00", ["iso"], new_york)
    assert datetime.fromtimestamp(summer / 1000, UTC).hour == 4
    assert datetime.fromtimestamp(winter / 1000, UTC).hour == 5


GOOD = """\
description: x
format: csv
event:
  source_ref: id
  reported_at: {column: at, formats: [iso]}
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("format: csv", "format: csv\nfromat: csv"), r"m\.yaml:3: fromat: Extra inputs"),
        (("  source_ref: id\n", ""), r"event\.source_ref: Field required"),
        (("source_ref: id", "source_ref: {column: id, constant: 1}"), r"m\.yaml:4: event\.source_ref.*exactly one"),
        (("formats: [iso]", "formats: [iso], time_zone: Mars/Base"), r"m\.yaml:5: .*not a time zone"),
        ((", formats: [iso]", ""), "reported_at needs `formats`"),
        (("format: csv", "format: csv\nformat: jsonl"), r"m\.yaml:3: format is given twice"),
        (("format: csv", "format: csv\npersonal: [id]"), "personal are used: id"),
        (("source_ref: id", "source_ref: join.id"), "there is no `join`"),
        (("format: csv", "format: [csv"), "is not YAML"),
    ],
)
def test_mistakes_name_file_and_line(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(GOOD)
    assert load_mapping(path)
    assert change[0] in GOOD
    path.write_text(GOOD.replace(*change))
    with pytest.raises(FatalError, match=said):
        load_mapping(path)

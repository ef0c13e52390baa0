"""Declared mappings: what they say is what comes out; what is wrong in them is named with file and line."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import EARLIEST_MS, LATEST_MS
from hub.errors import FatalError, Reason, RejectedRecordError
from hub.sdk.mapping.fields import Mapper
from hub.sdk.mapping.mapping import Mapping, load_mapping
from hub.sdk.mapping.times import parse_time

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
        ({"revision": str(2**40)}, Reason.INVALID),
        ({"revision": "-1"}, Reason.BAD_ROW),
        ({"revision": "1.0"}, Reason.BAD_ROW),
        ({"revision": "1_000"}, Reason.BAD_ROW),
        ({"revision": "٣"}, Reason.BAD_ROW),
        ({"revision": "+1"}, Reason.BAD_ROW),
        ({"at": "1_767_672_578_123"}, Reason.BAD_ROW),
        ({"at": "١٧٦٧٦٧٢٥٧٨١٢٣"}, Reason.BAD_ROW),
        ({"lat": "3_4.02", "lon": "114.52"}, Reason.BAD_ROW),
        ({"lat": "34,02", "lon": "114,52"}, Reason.BAD_ROW),
        ({"lat": "34°01'12N", "lon": "114°31'12E"}, Reason.BAD_ROW),
        ({"lat": "N/A", "lon": "N/A"}, Reason.BAD_ROW),
        ({"lat": "4030983.1", "lon": "12748310.2"}, Reason.INVALID),
        ({"lat": "34020000", "lon": "114520000"}, Reason.INVALID),
        ({"lat": "-999", "lon": "-999"}, Reason.INVALID),
        ({"crs": "EPSG:27700", "lat": "34.02", "lon": "114.52"}, Reason.INVALID),
        ({"crs": "", "lat": "34.02", "lon": "114.52"}, Reason.INVALID),
        ({"kind": "reopened"}, Reason.BAD_ROW),
    ],
)
def test_rejects_name_the_reason_and_never_quote_the_value(changes: dict[str, str], reason: Reason) -> None:
    made = mapper(
        {
            "title": "title", "text": "text", "revision": "revision", "kind": {"column": "kind", "map": {"": "OPENED"}},
            "place": {"lat": "lat", "lon": "lon", "crs": "crs"},
        }
    )  # fmt: skip
    with pytest.raises(RejectedRecordError) as caught:
        made.event(ROW | {"crs": "EPSG:4326"} | changes)
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


def test_whole_numbers_of_a_spreadsheet_are_revisions_where_the_mapping_says_so() -> None:
    made = mapper({"revision": "n"}, whole_numbers=["n"])
    assert [made.event(ROW | {"n": text}).revision for text in ("1.0", "0", "007", "2147483647")] == [  # type: ignore[union-attr]
        1, 0, 7, 2147483647,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "crs"),
    [
        ("火星坐标系", "GCJ-02"),
        ("百度", "BD-09"),
        ("国家2000", "EPSG:4490"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
    ],
)
def test_a_reference_system_goes_by_the_hubs_own_name(name: str, crs: str) -> None:
    made = mapper({"place": {"lat": "lat", "lon": "lon", "crs": "crs"}})
    event = made.event(ROW | {"lat": "34.02", "lon": "114.52", "crs": name})
    assert event is not None
    assert (event.place.lat, event.place.lon, event.place.crs) == (34.02, 114.52, crs)


def test_metres_of_web_mercator_become_degrees() -> None:
    made = mapper({"place": {"lat": "y", "lon": "x", "crs": {"constant": "EPSG:3857"}}})
    event = made.event(ROW | {"y": "4030983.1", "x": "12748310.2"})
    assert event is not None
    assert (event.place.lat, event.place.lon) == (pytest.approx(34.0162, abs=1e-4), pytest.approx(114.52, abs=1e-4))
    assert event.place.crs == "EPSG:4326"


def test_a_report_without_a_point_needs_no_reference_system() -> None:
    made = mapper({"place": {"lat": "lat", "lon": "lon", "crs": "crs", "nowhere": [[-999, -999]]}})
    for lat, lon in (("", ""), ("-999", "-999")):
        event = made.event(ROW | {"lat": lat, "lon": lon, "crs": "none"})
        assert event is not None
        assert (event.place.lat, event.place.crs) == (None, "EPSG:4326")


def test_degrees_exchanged_go_on_so_that_the_hub_can_say_so() -> None:
    event = mapper({"place": {"lat": "lat", "lon": "lon"}}).event(ROW | {"lat": "114.52", "lon": "34.02"})
    assert event is not None
    assert (event.place.lat, event.place.lon) == (114.52, 34.02)


def test_a_decimal_comma_is_read_where_the_mapping_says_so_and_then_no_point() -> None:
    made = mapper({"place": {"lat": "lat", "lon": "lon"}, "attributes": ["zip"]}, decimal=",", whole_numbers=["zip"])
    event = made.event(ROW | {"lat": "42,3000", "lon": "-71,06", "zip": "2128,0"})
    assert event is not None
    assert (event.place.lat, event.place.lon, event.attributes) == (42.3, -71.06, {"zip": "2128"})
    with pytest.raises(RejectedRecordError):
        made.event(ROW | {"lat": "42.3000", "lon": "-71.06", "zip": ""})


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
        (("format: csv", "format: csv\nfromat: csv"), r"m\.yaml:3: unknown key 'fromat'.*did you mean 'format'"),
        (("  source_ref: id\n", ""), r"m\.yaml:3: event\.source_ref is missing; add it"),
        (("source_ref: id", "source_ref: {column: id, constant: 1}"), r"m\.yaml:4: event\.source_ref.*exactly one"),
        (("formats: [iso]", "formats: [iso], time_zone: Mars/Base"), r"m\.yaml:5: .*not a time zone"),
        ((", formats: [iso]", ""), "reported_at needs `formats`"),
        (("format: csv", "format: csv\nformat: jsonl"), r"m\.yaml:3: the key 'format' stands here a second time"),
        (("format: csv", "format: csv\npersonal: [id]"), "personal are used: id"),
        (("source_ref: id", "source_ref: join.id"), "there is no `join`"),
        (("format: csv", "format: [csv"), r"m\.yaml:3: not YAML"),
        (
            ("  source_ref: id", "  source_ref: id\n  place: {lat: y, lon: x, crs: {constant: 北京54}}"),
            "place.crs: 北京54 is not known",
        ),
        (("format: csv", "format: csv\nreference: {normalise: [zeros]}"), r"m\.yaml:3: reference.normalise.0"),
        (("format: csv", "format: csv\ndecimal: ;"), r"m\.yaml:3: decimal"),
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

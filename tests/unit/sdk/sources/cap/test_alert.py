"""What an alert of CAP 1.2 says by column, and what is none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point, Polygon

from hub.errors import RejectedRecordError
from hub.sdk.sources.cap.alert import UnfinishedError, alert_of, report_name
from tests.unit.sdk.sources.cap.alerts import CIRCLE, alert, info, name


def test_an_alert_by_column() -> None:
    found = alert_of(alert(infos=info(expires="2026-01-06T20:00:00+08:00")))
    assert (found.name, found.refers_to) == ("warnings@met.example,W-1", [])
    assert (found.sent_ms, found.expires_ms) == (1_767_657_600_000, 1_767_700_800_000)
    values = found.values
    assert {name: values[name] for name in ("identifier", "status", "statement", "said_at", "event", "headline")} == {
        "identifier": "W-1", "status": "Actual", "statement": "alert", "said_at": "2026-01-06T08:00:00+08:00",
        "event": "Rainstorm", "headline": "Heavy rain",
    }  # fmt: skip
    assert (values["eventCode.GB"], values["parameter.colour"]) == ("11B03", "orange")
    assert (values["areaDesc"], values["geocode.GB2260"]) == ("Example District", "310101 310104")
    assert Polygon([(121, 31), (121.4, 31), (121.4, 31.4), (121, 31.4)]).contains(
        Point(float(values["lon"]), float(values["lat"]))
    )


def test_of_several_the_first_is_read_and_all_are_kept() -> None:
    both = alert().replace(b"<category>Met</category>", b"<category>Met</category><category>Safety</category>")
    values = alert_of(both).values
    assert (values["category"], values["category.all"]) == ("Met", "Met Safety")


def test_a_circle_is_its_middle_and_its_radius() -> None:
    values = alert_of(alert(infos=info(area=CIRCLE))).values
    assert (values["lat"], values["lon"], values["radius_km"]) == ("31.230400", "121.473700", "2.5")


def test_a_point_within_a_horseshoe_lies_in_it() -> None:
    outline = "0,0 0,9 9,9 9,8 1,8 1,1 9,1 9,0 0,0"
    values = alert_of(alert(infos=info(area=f"<polygon>{outline}</polygon>"))).values
    points = [tuple(map(float, each.split(",")))[::-1] for each in outline.split()]
    assert Polygon(points).contains(Point(float(values["lon"]), float(values["lat"])))


def test_the_language_that_is_asked_for_is_read() -> None:
    both = alert(infos=info("en-US", "Heavy rain") + info("zh-CN", "暴雨"))
    assert alert_of(both).values["headline"] == "Heavy rain"
    assert alert_of(both, ("fr", "zh-cn")).values["headline"] == "暴雨"


def test_references_are_in_the_order_in_which_they_were_sent() -> None:
    found = alert_of(alert(3, "Update", sent="10:00:00", references=f"{name(2, '09:00:00')} {name(1)}"))
    assert found.refers_to == ["warnings@met.example,W-1", "warnings@met.example,W-2"]


def test_a_signature_behind_it_is_no_fault() -> None:
    signed = alert().replace(b"</alert>", b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></alert>')
    assert alert_of(signed).name == report_name("warnings@met.example", "W-1")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("cap:1.2", "cap:1.1"), "no alert of CAP 1.2"),
        (("<status>Actual", "<status>Real"), "status is one of"),
        (("08:00:00+08:00", "00:00:00Z"), "without Z"),
        (("2026-01-06T08", "2026-13-06T08"), "a time"),
        (("<scope>Public</scope>", ""), "scope is missing"),
        (("<scope>Public</scope>", "<scope>Restricted</scope>"), "restriction"),
        (("<scope>Public</scope>", "<scope>Private</scope>"), "addresses"),
        (("<msgType>Alert", "<msgType>Update"), "references is empty"),
        (("<identifier>W-1", "<identifier>W 1"), "identifier"),
        (("<certainty>Likely", "<certainty>Very Likely"), "certainty is one of"),
        (("<event>Rainstorm</event>", ""), "event is missing"),
        (("</info>", "<extra/></info>"), "not of CAP 1.2"),
        (("<headline>", "<headline><b>x</b>"), "text only"),
        (("31.0,121.0</polygon>", "31.1,121.0</polygon>"), "polygon"),
        (("31.0,121.4 31.4,121.4", "31.4,121.4 31.0,121.4"), "crosses itself"),
        (("31.0,121.0", "91.0,121.0"), "out of range"),
        (("</geocode></area>", "</geocode><ceiling>9</ceiling></area>"), "ceiling"),
        (("<severity>Severe</severity>", ""), "severity is missing"),
        (("<sender>", "<identifier>W-2</identifier><sender>"), "once at most"),
    ],
)
def test_what_the_standard_forbids_is_named(change: tuple[str, str], said: str) -> None:
    spoilt = alert().decode().replace(*change)
    assert spoilt.encode() != alert()
    with pytest.raises(RejectedRecordError, match=said):
        alert_of(spoilt.encode())


def test_one_that_refers_to_itself_is_none() -> None:
    with pytest.raises(RejectedRecordError, match="itself"):
        alert_of(alert(1, "Update", references=name(1)))


def test_entities_and_document_types_are_not_read() -> None:
    evil = b'<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + alert()[38:].replace(
        b"Rainstorm", b"&x;"
    )
    with pytest.raises(RejectedRecordError) as raised:
        alert_of(evil)
    assert "root:" not in str(raised.value)


@given(st.integers(0, len(alert()) - 1))
def test_one_that_is_cut_off_is_unfinished(length: int) -> None:
    with pytest.raises(UnfinishedError):
        alert_of(alert()[:length])


@given(st.integers(0, len(alert()) - 1), st.binary(min_size=1, max_size=4))
def test_no_bytes_do_more_than_be_refused(at: int, inserted: bytes) -> None:
    whole = alert()
    with suppress(RejectedRecordError):
        alert_of(whole[:at] + inserted + whole[at + len(inserted) :])

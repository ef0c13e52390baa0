"""What each connector makes of its fixtures, seen from the hub's side."""

from collections import Counter

import pytest

from hub.errors import Reason
from hub.model.event import CaseEvent, EventKind, Urgency
from hub.sdk.manifest import discover
from hub.testing.outcomes import outcomes
from hub.testing.source_suite import fixture_inputs

MANIFESTS = discover()


def outcome(domain: str, mapping: str) -> tuple[list[CaseEvent], Counter[Reason]]:
    rows = list(outcomes(MANIFESTS[domain], fixture_inputs(MANIFESTS[domain])[mapping]))
    return [row.event for row in rows if row.event], Counter(row.rejection.reason for row in rows if row.rejection)


@pytest.mark.parametrize(
    ("domain", "kinds", "rejects"),
    [
        ("police", {"OPENED": 10, "AMENDED": 2, "WITHDRAWN": 1, "CLOSED": 1}, {Reason.BAD_ROW: 1, Reason.INVALID: 1}),
        ("hotline", {"OPENED": 3, "AMENDED": 1, "WITHDRAWN": 1, "CLOSED": 1}, {Reason.BAD_ROW: 1}),
        ("petition", {"OPENED": 2, "AMENDED": 1, "WITHDRAWN": 1, "CLOSED": 1}, {Reason.BAD_ROW: 1}),
        ("citymgmt", {"OPENED": 3, "AMENDED": 1, "WITHDRAWN": 1, "CLOSED": 1}, {Reason.INVALID: 1}),
    ],
)
def test_demo_formats_tell_all_four_kinds(domain: str, kinds: dict[str, int], rejects: dict[Reason, int]) -> None:
    events, rejected = outcome(domain, "demo")
    assert Counter(event.kind.value for event in events) == kinds
    assert rejected == rejects


def test_police_call_in_full() -> None:
    events, _ = outcome("police", "demo")
    first = events[0]
    assert (first.source_ref, first.urgency, first.channel) == ("JJ0000", Urgency.EMERGENCY, "phone")
    assert first.category_label == "交通事故 Traffic accident"
    assert first.place.crs == "EPSG:4326"
    (closed,) = (event for event in events if event.kind is EventKind.CLOSED)
    assert [each.uri for each in closed.attachments] == ["https://example.org/a.jpg", "https://example.org/b.jpg"]
    assert (closed.category, closed.place.lat) == ("", None)


def test_city_management_keeps_its_reference_system_and_classes() -> None:
    events, _ = outcome("citymgmt", "demo")
    assert events[0].place.crs == "GCJ-02"
    assert events[0].attributes == {"main_type": "02", "main_type_name": "道路交通"}


def test_petition_times_are_local() -> None:
    events, _ = outcome("petition", "demo")
    assert events[0].reported_at == 1_767_672_578_000


def test_boston_is_split_by_channel_without_rest() -> None:
    citizens, _ = outcome("hotline", "boston311")
    workers, _ = outcome("citymgmt", "boston311_workers")
    assert sorted(int(event.source_ref) for event in citizens + workers) == [1, 2, 3, 4, 5, 6]
    closings = outcome("hotline", "boston311_closings")[0] + outcome("citymgmt", "boston311_workers_closings")[0]
    assert sorted((int(event.source_ref), event.revision) for event in closings) == [(n, 1) for n in (1, 2, 4, 5, 6)]
    by_ref = {event.source_ref: event for event in citizens + workers}
    assert by_ref["3"].place.lat is None  # City Hall's default point is no place
    assert by_ref["2"].due_at is None
    assert by_ref["4"].due_at is not None
    assert by_ref["1"].attributes["zip"] == "02100"


def test_messages_without_a_category_are_unclassified_and_have_no_author() -> None:
    events, rejected = outcome("petition", "wangluo_wenzheng")
    assert {event.category for event in events} == {
        "unclassified",
        "城乡建设",
    }
    assert "U-secret" not in "".join(event.model_dump_json() for event in events)
    assert rejected == {Reason.BAD_ROW: 1}

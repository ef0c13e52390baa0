"""The source of GeoReport v2 against a server written from the specification: every quirk and stumble; nothing lost or doubled."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import FatalError
from hub.model.event import CaseEvent
from hub.sdk.contract import Context, Item
from hub.sdk.errors import AuthError, ConfigurationError, TransientError
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import Manifest, load_manifest
from hub.sdk.running import runner as runner_module
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions
from hub.sdk.running.status import Board
from hub.sdk.scaffold.folder import scaffold
from hub.sdk.sources.open311 import source as source_module
from hub.sdk.sources.open311.config import Open311Config
from hub.sdk.sources.open311.source import Open311Source
from hub.testing.open311_server import (
    ApiError,
    Open311City,
    Quirk,
    Stumble,
    answer_before,
    half_a_body,
    half_a_document,
    hanging_up,
    refusing,
    serving,
)
from hub.testing.source_suite import KilledError, MemoryPublisher

NOW = datetime(2026, 1, 30, 12, tzinfo=UTC)
PERSON = "Li Lei 13800000000"


class Clock:
    """The hub's and the city's."""

    def __init__(self) -> None:
        self.now = NOW

    def pass_by(self, minutes: float = 1) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(runner_module, "_FIRST_SECONDS", 0.01)
    monkeypatch.setattr(runner_module, "_MOST_SECONDS", 0.02)
    monkeypatch.setattr(source_module, "wall_ms", lambda: round(clock.now.timestamp() * 1000))
    return clock


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return load_manifest(scaffold("city_by_test", tmp_path_factory.mktemp("connectors"), "open311"))


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def city_of(quirks: set[Quirk] | None = None, **more: Any) -> Open311City:
    """Seven requests of two months, of which two are closed and one is under way."""
    city = Open311City(quirks or set(), now=lambda: datetime.now(UTC), **more)
    for number in range(7):
        where: dict[str, Any] = {"lat": None, "long": None} if number == 3 else {}
        city.report(f"Deep & wide {number}", days_ago(61 - 10 * number), **where)
    city.say("1001", "closed", "Filled", days_ago(30))
    city.say("1004", "in_progress", "Crew is on its way", days_ago(5))
    city.say("1005", "closed", "Not found", days_ago(1))
    return city


def source_of(manifest: Manifest, url: str, **more: Any) -> tuple[Open311Source, MappingSet]:
    made = {"base_url": url, "once": True, "calls_per_minute": 1e6, "timeout_seconds": 60}
    intake = MappingSet(manifest)
    context = Context(manifest.domain, intake.outcome, intake.mapping)
    return Open311Source(Open311Config.model_validate(made | more), context), intake


def run(
    manifest: Manifest, url: str, folder: Path, publisher: MemoryPublisher | None = None, **more: Any
) -> MemoryPublisher:
    """One run to the end of a round, with its position in `folder`."""
    publisher = publisher or MemoryPublisher()
    source, intake = source_of(manifest, url, **more)
    options = RunnerOptions(checkpoint_rows=1, stop=publisher.stop)
    Run(source, intake, PositionFile(folder / "p.json"), options, publisher, Board("test", "test", None)).run()
    return publisher


def told(events: list[CaseEvent]) -> list[tuple[str, str, int]]:
    """Reference, kind and day of each."""
    return [(each.source_ref, each.kind.value, each.reported_at // 86_400_000) for each in events]


def expected() -> list[tuple[str, str, int]]:
    def day(days: float) -> int:
        return int(days_ago(days).timestamp()) // 86_400

    later = {1: ("CLOSED", 30), 4: ("OPENED", 5), 5: ("CLOSED", 1)}
    found = []
    for number in range(7):
        found.append((f"100{number}", "OPENED", day(61 - 10 * number)))
        if number in later:
            kind, days = later[number]
            found.append((f"100{number}", kind, day(days)))
    return found


# -- what a city says ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize("quirk", [None, *Quirk])
def test_whatever_the_server_does_the_same_is_read(
    quirk: Quirk | None, form: str, manifest: Manifest, tmp_path: Path
) -> None:
    city = city_of({quirk} if quirk else None, most=3)
    with serving(city) as url:
        sent = run(manifest, url, tmp_path, format=form, page_size=3, most_items=3)
    order = sorted(told(sent.events)) if quirk is Quirk.NEWEST_FIRST else told(sent.events)
    assert order == (sorted(expected()) if quirk is Quirk.NEWEST_FIRST else expected())
    assert not sent.letters
    first = next(each for each in sent.events if each.source_ref == "1000")
    assert first.text.replace("\x0b", "") == "Deep & wide 0"
    assert (first.category, first.category_label, first.title) == ("roads.pothole", "Pothole", "Pothole")
    assert (first.place.lat, first.place.lon) == (39.9087, 116.3975)
    nowhere = next(each for each in sent.events if each.source_ref == "1003")
    assert (nowhere.place.lat, nowhere.place.lon, nowhere.place.address) == (None, None, "1 Example Road")


def test_many_quirks_at_once(manifest: Manifest, tmp_path: Path) -> None:
    quirks = set(Quirk) - {Quirk.NEWEST_FIRST, Quirk.OTHER_WORDS}
    for form in ("xml", "json"):
        with serving(city_of(quirks, most=3)) as url:
            sent = run(manifest, url, tmp_path / form, format=form, most_items=3, page_param=None)
        assert told(sent.events) == expected()


def test_status_words_and_notes_are_kept(manifest: Manifest, tmp_path: Path) -> None:
    with serving(city_of({Quirk.OTHER_WORDS})) as url:
        events = run(manifest, url, tmp_path).events
    closed = next(each for each in events if each.kind == "CLOSED")
    assert (closed.attributes["status"], closed.attributes["status_notes"]) == ("fixed", "Filled")


@pytest.mark.parametrize("spoilt", [
    {"requested_datetime": "soon"}, {"service_request_id": ""}, {"requested_datetime": None, "updated_datetime": None},
])  # fmt: skip
def test_one_request_that_cannot_be_used_is_a_dead_letter(
    spoilt: dict[str, Any], manifest: Manifest, tmp_path: Path
) -> None:
    city = city_of()
    city.requests["1002"] |= {"updated_datetime": None, "email": PERSON}
    written = city.written

    def spoil(root: str, content: Any, form: str) -> bytes:
        if root == "service_requests":
            content = [each | spoilt if each["service_request_id"] == "1002" else each for each in content]
        return written(root, content, form)

    city.written = spoil  # type: ignore[method-assign]
    with serving(city) as url:
        sent = run(manifest, url, tmp_path)
    assert told(sent.events) == [each for each in expected() if each[0] != "1002"]
    assert len(sent.letters) == 1
    assert PERSON.encode() not in (sent.letters[0].value or b"")


# -- stretches of time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quirks", "how"), [
    ({Quirk.NO_PAGES}, {}),
    ({Quirk.NO_PAGES}, {"page_param": None}),
    ({Quirk.NO_PAGES}, {"page_param": None, "dates": "date"}),
    ({Quirk.NO_PAGES, Quirk.SHARP_ENDS}, {"page_param": None}),
    ({Quirk.LAST_AGAIN}, {}),
    ({Quirk.SHARP_ENDS}, {"window_days": 0.5}),
    (set(), {"window_days": 90}),
    (set(), {"page_size_param": None}),
    (set(), {"changed_params": ("updated_after", "updated_before")}),
    (set(), {"ids_per_call": 1, "updates": True}),
])  # fmt: skip
def test_a_busy_city_is_read_whole_by_stretches_or_pages(
    quirks: set[Quirk], how: dict[str, Any], manifest: Manifest, tmp_path: Path
) -> None:
    most = 20 if "dates" in how else 4  # of two days it is all there is
    city = Open311City(quirks, most=most)
    for number in range(20):
        city.report(f"{number}", days_ago(8 - number / 2.5))
    with serving(city) as url:
        sent = run(manifest, url, tmp_path, look_back_days=9, most_items=most, page_size=4, **how)
    assert [each.source_ref for each in sent.events] == list(city.requests)


def test_more_in_a_moment_than_the_server_gives_is_said(manifest: Manifest, tmp_path: Path) -> None:
    city = Open311City({Quirk.NO_PAGES}, most=3)
    for _ in range(5):
        city.report("x", days_ago(1))
    with serving(city) as url, pytest.raises(ConfigurationError, match="cannot be halved"):
        run(manifest, url, tmp_path, page_param=None, most_items=3, look_back_days=2)


# -- sweep after sweep -----------------------------------------------------------------------------------------------------------


@contextmanager
def following(manifest: Manifest, city: Open311City, clock: Clock, **more: Any) -> Iterator[Any]:
    """Gives what a round brings, of one source that goes on; and the position it has come to."""
    with serving(city) as url:
        source, intake = source_of(manifest, url, look_back_minutes=1e-9, **more)
        source.connect(None)

        def round_() -> list[CaseEvent]:
            clock.pass_by()
            items: list[Item] = []
            while True:
                batch = source.read(1)
                items += batch.items
                if batch.last:
                    return [event for item in items if (event := intake.outcome(item).event)]

        try:
            yield round_
        finally:
            source.close()


@pytest.mark.parametrize("how", [{}, {"format": "json"}, {"changed_params": ("updated_after", "updated_before")}])
def test_a_change_of_an_old_request_becomes_a_statement_and_nothing_else_does(
    how: dict[str, Any], manifest: Manifest, clock: Clock
) -> None:
    city = city_of()
    with following(manifest, city, clock, **how) as round_:
        assert told(round_()) == expected()
        assert round_() == []
        city.say("1000", "closed", "Filled at last", NOW)
        (closed,) = round_()
        assert (closed.source_ref, closed.kind, closed.attributes["status_notes"]) == (
            "1000",
            "CLOSED",
            "Filled at last",
        )
        city.say("1000", "open", "It is back", NOW + timedelta(seconds=1))
        assert [(each.source_ref, each.kind) for each in round_()] == [("1000", "OPENED")]
        ref = city.report("New", NOW)
        assert [each.source_ref for each in round_()] == [ref]
        assert round_() == []


def test_updates_are_statements_behind_what_was_requested(manifest: Manifest, clock: Clock) -> None:
    city = city_of()
    with following(manifest, city, clock, updates=True, look_back_days=90) as round_:
        events = round_()
        by_ref = [(each.kind.value, each.attributes.get("update_id"), each.attributes.get("status_notes")) for each in events
                  if each.source_ref == "1004"]  # fmt: skip
        assert by_ref == [
            ("OPENED", None, None),
            ("AMENDED", "2", "Crew is on its way"),
            ("OPENED", None, "Crew is on its way"),
        ]
        amended = next(each for each in events if each.attributes.get("update_id") == "2")
        assert (amended.category, amended.text, amended.place.lat) == ("roads.pothole", "Deep & wide 4", 39.9087)
        assert round_() == []
        city.updates.append({"update_id": "9", "service_request_id": "1000", "status": "CLOSED", "updated_datetime": NOW,
                             "description": "Only the update says so", "media_url": None})  # fmt: skip
        (closed,) = round_()
        assert (closed.kind, closed.source_ref) == ("CLOSED", "1000")
        city.updates.append({"update_id": "10", "service_request_id": "nobody", "status": "OPEN", "updated_datetime": None,
                             "description": "", "media_url": None})  # fmt: skip
        city.updates[-1]["updated_datetime"] = NOW
        (alone,) = round_()
        assert (alone.kind, alone.source_ref, alone.category) == ("AMENDED", "nobody", "")


def test_after_a_restart_what_is_old_and_unchanged_is_not_said_again(
    manifest: Manifest, clock: Clock, tmp_path: Path
) -> None:
    city = city_of()
    with serving(city) as url:
        run(manifest, url, tmp_path)
        city.say("1000", "closed", "Filled at last", NOW)
        clock.pass_by()
        again = run(manifest, url, tmp_path, look_back_minutes=1e-9).events
    # within late_hours of the last sweep all is read again, and known by its content
    assert [(each.source_ref, each.kind) for each in again] == [
        ("1000", "OPENED"), ("1000", "CLOSED"), ("1005", "OPENED"), ("1005", "CLOSED"), ("1006", "OPENED"),
    ]  # fmt: skip


def test_a_request_that_turns_up_late_is_found(manifest: Manifest, clock: Clock) -> None:
    city = city_of()
    with following(manifest, city, clock) as round_:
        round_()
        ref = city.report("Told on paper", days_ago(40))
        assert [each.source_ref for each in round_()] == [ref]


def test_a_token_that_is_no_id_yet_is_waited_for(
    manifest: Manifest, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = city_of({Quirk.TOKENS})
    get, pending = city.get, [True]

    def slow(path: str, params: dict[str, str]) -> tuple[str, Any]:
        if path.startswith("tokens/") and pending[0]:
            raise ApiError(404, "not yet")
        return get(path, params)

    monkeypatch.setattr(city, "get", slow)
    with following(manifest, city, clock) as round_:
        assert told(round_()) == expected()[:-1]
        pending[0] = False
        assert [each.source_ref for each in round_()] == ["1006"]


# -- stumbles --------------------------------------------------------------------------------------------------------------------

_ERRORS = f"<errors><error><code>500</code><description>{PERSON}</description></error></errors>".encode()
STUMBLES: dict[str, Stumble] = {
    "429": refusing(429, Retry_After="0"),
    "503": refusing(503, PERSON.encode(), Retry_After="Tue, 06 Jan 2026 00:00:00 GMT"),
    "500": refusing(500, _ERRORS),
    "400, the back-end is down": refusing(400, _ERRORS),
    "errors with status 200": refusing(200, _ERRORS),
    "half a body": half_a_body,
    "half a document": half_a_document,
    "hung up": hanging_up,
    "the answer before": answer_before,
    "a page of HTML": refusing(200, b"<html><body>We are back soon.</body></html>"),
    "nothing": refusing(200),
}


@pytest.mark.parametrize("stumble", STUMBLES)
def test_a_server_that_stumbles_loses_and_doubles_nothing(
    stumble: str, manifest: Manifest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    city = city_of(most=2)
    city.stumbles = [None] * 3 + [STUMBLES[stumble]] + [None] * 2 + [STUMBLES[stumble]]
    with caplog.at_level(logging.DEBUG), serving(city) as url:
        sent = run(manifest, url, tmp_path, updates=False)
    assert told(sent.events) == expected()
    assert not sent.letters
    assert PERSON not in caplog.text


@pytest.mark.parametrize("times", [1, 2])
def test_a_page_twice_is_asked_for_again(times: int, manifest: Manifest, tmp_path: Path) -> None:
    city = city_of(most=2)
    city.now = lambda: NOW
    city.stumbles = [None, *[answer_before] * times]
    with serving(city) as url:
        sent = run(manifest, url, tmp_path, dates="none")
    assert told(sent.events) == expected()


@pytest.mark.parametrize("how", [{}, {"updates": True}, {"page_param": None}])
@settings(deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(die_at=st.integers(0, 12))
def test_killed_anywhere_nothing_is_lost_and_each_request_is_in_order(
    how: dict[str, Any], die_at: int, manifest: Manifest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("kill")
    quirks = {Quirk.NO_PAGES} if "page_param" in how else set()
    with serving(city_of(quirks, most=3)) as url:
        whole = run(manifest, url, folder / "whole", most_items=3, **how).events
        killed = MemoryPublisher(die_at=die_at)
        if die_at < len(whole):
            with pytest.raises(KilledError):
                run(manifest, url, folder, killed, most_items=3, **how)
        arrived = killed.events[: killed.acknowledged]
        resumed = run(manifest, url, folder, most_items=3, **how).events
    for ref in {each.source_ref for each in whole}:
        said = [each for each in arrived + resumed if each.source_ref == ref]
        assert list(dict.fromkeys(each.model_dump_json() for each in said)) == list(
            dict.fromkeys(each.model_dump_json() for each in whole if each.source_ref == ref)
        )


# -- refusals --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quirks", [set(), {Quirk.ERRORS_OK}])
def test_a_refusal_names_whose_turn_it_is(
    quirks: set[Quirk], manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_BY_TEST", "wrong-by-test")
    with serving(city_of(quirks, api_key="right", jurisdiction="here")) as url:
        with pytest.raises(ConfigurationError, match="jurisdiction_id"):
            run(manifest, url, tmp_path)
        how: dict[str, Any] = {"jurisdiction_id": "here", "updates": True}
        with pytest.raises(AuthError) as raised:
            run(manifest, url, tmp_path, **how, api_key="env:KEY_BY_TEST")
    assert "wrong-by-test" not in str(raised.value)


def test_a_400_is_tried_a_few_times(manifest: Manifest, tmp_path: Path) -> None:
    city = city_of()
    city.stumbles = [refusing(400)] * 9
    with serving(city) as url, pytest.raises(ConfigurationError, match="time and again"):
        run(manifest, url, tmp_path)
    assert len(city.asked) == 5


@pytest.mark.parametrize("mistake", [
    {"start": "2026-01-06"}, {"window_days": 91}, {"format": "yaml"}, {"time_zone": "Nowhere"}, {"api_key": "in the open"},
])  # fmt: skip
def test_a_setting_that_cannot_be_is_refused(mistake: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as raised:
        Open311Config.model_validate({"base_url": "https://example.org"} | mistake)
    assert "in the open" not in str(raised.value)


def test_check_says_what_is_there_and_a_sample_is_of_the_newest(manifest: Manifest) -> None:
    city = city_of()
    with serving(city) as url:
        source, _ = source_of(manifest, url)
        assert source.check() == (
            "2 services, 1 with questions; /requests answers with 3; its discovery lists this address"
        )
        assert {(each.values or {})["service_request_id"] for each in source.sample(20)} == {
            "1004",
            "1005",
            "1006",
        }
        assert [path for path, _ in city.asked[:4]] == ["services", "requests", "services/tree", "discovery"]
    with pytest.raises(TransientError, match="cannot be reached"):
        source_of(manifest, "http://127.0.0.1:9")[0].check()


def test_a_position_of_another_kind_is_told(manifest: Manifest) -> None:
    source, _ = source_of(manifest, "http://127.0.0.1:9")
    with pytest.raises(FatalError, match="none of an Open311 source"):
        source.connect({"page": 3})

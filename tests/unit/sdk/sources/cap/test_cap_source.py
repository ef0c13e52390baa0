"""Alerts of a folder and of a feed: updates, cancellations and ends are statements of one report; nothing is lost or doubled."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.model.event import EventKind, Urgency
from hub.sdk.contract import Context, Item, Position
from hub.sdk.errors import AuthError, ConfigurationError, PositionLostError, TransientError
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import load_manifest
from hub.sdk.running.positions import MAX_POSITION_BYTES
from hub.sdk.scaffold.folder import scaffold
from hub.sdk.sources.cap import source as module
from hub.sdk.sources.cap.alert import alert_of
from hub.sdk.sources.cap.config import CapConfig
from hub.sdk.sources.cap.source import CapSource
from hub.sdk.sources.cap.standing import AlertStanding
from tests.unit.sdk.sources.cap.alerts import Office, alert, info, name

FIRST = "warnings@met.example,W-1"
EXPIRES = "2026-01-06T20:00:00+08:00"
EXPIRES_MS = 1_767_700_800_000


def source(folder: Path, **settings: Any) -> CapSource:
    config = {"folder": {"path": str(folder), "once": True, **settings}}
    return CapSource(CapConfig.model_validate(config), Context("warnings", batch_items=3))


def read(found: CapSource, position: Position | None = None) -> tuple[list[Item], Position | None]:
    found.connect(position)
    items: list[Item] = []
    while True:
        batch = found.read(0.1)
        items += batch.items
        position = batch.after or position
        if batch.last:
            found.close()
            return items, json.loads(json.dumps(position))


def said(items: list[Item]) -> list[tuple[str, str]]:
    return [(each.values["statement"], each.values["report"]) for each in items if each.values]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Now, in ms."""
    now = [EXPIRES_MS - 1]
    monkeypatch.setattr(module, "wall_ms", lambda: now[0])
    return now


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "warnings")


def test_update_cancel_and_end_are_of_the_first_alerts_report(office: Office, tmp_path: Path, clock: list[int]) -> None:
    folder = tmp_path / "warnings"
    office.put("1.xml", alert(1, infos=info(expires=EXPIRES)))
    office.put("2.xml", alert(2, "Update", sent="09:00:00", references=name(1), infos=info(expires=EXPIRES)))
    items, position = read(source(folder))
    assert said(items) == [("alert", FIRST), ("update", FIRST)]
    # it refers to the update only, and a new process reads it
    office.put(
        "3.xml", alert(3, "Update", sent="10:00:00", references=name(2, "09:00:00"), infos=info(expires=EXPIRES))
    )
    office.put("9.cap", alert(9, infos=info(expires=EXPIRES)))
    items, position = read(source(folder), position)
    assert ("update", FIRST) in said(items)[-2:]
    office.put("4.xml", alert(4, "Cancel", sent="11:00:00", references=name(3, "10:00:00"), infos=""))
    items, position = read(source(folder), position)
    assert said(items)[-1] == ("cancel", FIRST)
    clock[0] = EXPIRES_MS  # what was cancelled does not end once more
    items, position = read(source(folder), position)
    assert said(items)[-1] == ("expired", "warnings@met.example,W-9")
    assert said(items).count(("expired", FIRST)) == 0
    assert (items[-1].values or {})["said_at"] == "2026-01-06T12:00:00+00:00"


def test_they_become_events(office: Office, tmp_path: Path, clock: list[int]) -> None:
    intake = MappingSet(load_manifest(scaffold("warnings_by_test", tmp_path, "cap")))
    office.put("1.xml", alert(1, infos=info(expires=EXPIRES)))
    office.put("2.xml", alert(2, status="Exercise"))
    office.put("3.xml", alert(3, "Ack", references=name(1)))
    office.put("4.xml", alert(4, "Cancel", references=name(1), sent="09:00:00", infos=""))
    found = [intake.outcome(item) for item in read(source(tmp_path / "warnings"))[0]]
    assert [each.rejection for each in found] == [None] * 4
    events = [each.event for each in found if each.event]
    assert [(event.kind, event.source_ref) for event in events] == [
        (EventKind.OPENED, FIRST),
        (EventKind.WITHDRAWN, FIRST),
    ]
    assert (events[0].urgency, events[0].category, events[0].place.address) == (
        Urgency.URGENT,
        "weather",
        "Example District",
    )
    assert events[0].place.lat is not None


def test_a_document_in_writing_is_left_until_it_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "warnings"
    folder.mkdir()
    (folder / "1.xml").write_bytes(alert(1)[:200])
    Office(folder).put("2.xml", alert(2))
    found = source(folder, settle_seconds=3600)
    items, position = read(found)
    assert [each[1] for each in said(items)] == ["warnings@met.example,W-2"]
    (folder / "1.xml").write_bytes(alert(1))
    assert ("alert", FIRST) in said(read(source(folder, settle_seconds=3600), position)[0])
    (folder / "3.xml").write_bytes(alert(3)[:200])
    items, _ = read(source(folder, settle_seconds=0))
    assert [item.of for item in items if item.fault] == ["3.xml"]


def test_a_file_that_is_old_and_comes_late_is_read(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "warnings"
    office.put("2.xml", alert(2))
    _, position = read(source(folder))
    late = tmp_path / "late.xml"
    late.write_bytes(alert(1))
    os.utime(late, (0, 0))
    late.rename(folder / "1.xml")
    assert ("alert", FIRST) in said(read(source(folder), position)[0])


def test_what_is_no_alert_is_set_aside_and_the_next_is_read(office: Office, tmp_path: Path) -> None:
    office.put("1.xml", b"<html/>")
    office.put("2.xml", alert(2))
    os.mkfifo(tmp_path / "warnings" / "3.xml")
    office.put("4.txt", alert(4))
    items, _ = read(source(tmp_path / "warnings"))
    assert sorted((item.where, bool(item.fault)) for item in items) == [
        ("1.xml alert 1", True), ("2.xml alert 3", False), ("3.xml alert 2", True),
    ]  # fmt: skip


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder"):
        source(tmp_path / "nowhere").check()
    with pytest.raises(PositionLostError):
        source(tmp_path).connect({"page": 1})


@given(st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.booleans()), max_size=500))
def test_what_is_remembered_fits_into_a_position(steps: list[tuple[int, bool, bool]]) -> None:
    standing = AlertStanding()
    long = alert_of(alert(0, infos=info(headline="长" * 300, expires=EXPIRES)))
    for number, updates, ends in steps:
        of = [f"{'s' * 60},{number // 2}"] if updates else []
        one = long._replace(name=f"{'s' * 60},{number}", refers_to=of, expires_ms=EXPIRES_MS + number if ends else None)
        standing.take(one)
    assert len(json.dumps(standing.model_dump())) < MAX_POSITION_BYTES
    over = [each["expires"] for each in standing.expired(EXPIRES_MS + 1000)]
    assert over == sorted(over)


class Feed(BaseHTTPRequestHandler):
    """Atom or RSS, with alerts behind it."""

    pages: dict[str, bytes | int]

    def do_GET(self) -> None:
        found = type(self).pages.get(self.path, 404)
        if isinstance(found, int):
            self.send_error(found)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def feed() -> Iterator[tuple[dict[str, bytes | int], str]]:
    pages: dict[str, bytes | int] = {}
    handler = type("Handler", (Feed,), {"pages": pages})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield pages, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def atom(*links: str) -> bytes:
    entries = "".join(
        f'<entry><updated>2026</updated><link type="application/cap+xml" href="{link}"/></entry>' for link in links
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'.encode()


def fed(address: str, told: list[str]) -> CapSource:
    settings = {"base_url": address, "path": "/feed", "once": True, "calls_per_minute": 1e6}
    return CapSource(CapConfig.model_validate({"feed": settings}), Context("warnings", say=told.append))


@pytest.mark.parametrize("form", ["atom", "rss"])
def test_alerts_of_a_feed_are_read_once(feed: tuple[dict[str, bytes | int], str], form: str) -> None:
    pages, address = feed
    told: list[str] = []

    def publish(*links: str) -> None:
        items = "".join(f"<item><link>{link}</link></item>" for link in links)
        pages["/feed"] = atom(*links) if form == "atom" else f"<rss><channel>{items}</channel></rss>".encode()

    pages["/1"], pages["/2"] = alert(1), alert(2, "Update", references=name(1), sent="09:00:00")
    publish("/2", f"{address}/1", "/gone", "https://other.example/3")
    found = fed(address, told)
    assert "names 3 alerts" in found.check()
    items, position = read(found)
    assert said(items) == [("alert", FIRST), ("update", FIRST)]
    assert [item.where for item in items if item.fault] == ["GET /feed link 3 alert 1"]
    assert len(told) == 1
    pages["/4"] = alert(4)
    publish("/4", "/1")
    items, position = read(found, position)
    assert said(items) == [("alert", "warnings@met.example,W-4")]
    assert len(said(read(fed(address, told), position)[0])) == 2  # a new process hears them again, as repeats


@pytest.mark.parametrize("answer", [500, 401, 410, 302])
def test_the_address_of_a_link_is_not_quoted(feed: tuple[dict[str, bytes | int], str], answer: int) -> None:
    """Whoever writes the feed names the alerts: after a missing person, say."""
    pages, address = feed
    pages["/feed"], pages["/13800138000"] = atom("/13800138000"), answer
    told: list[str] = []
    found = fed(address, told)
    try:
        items, _ = read(found)
        told += [f"{each.where} {each.fault}" for each in items]
    except (AuthError, TransientError) as error:
        told.append(str(error))
    found.close()
    assert "GET /feed link 1" in told[0]
    assert "13800138000" not in "".join(told)


def test_a_link_that_is_none_costs_itself(feed: tuple[dict[str, bytes | int], str]) -> None:
    pages, address = feed
    pages["/feed"], pages["/1"] = atom("http://[", "//[::1", "mailto:x", "/1"), alert(1)
    told: list[str] = []
    assert said(read(fed(address, told))[0]) == [("alert", FIRST)]
    assert len(told) == 1


def test_an_address_that_is_an_alert_is_read_when_it_changes(feed: tuple[dict[str, bytes | int], str]) -> None:
    pages, address = feed
    pages["/feed"] = alert(1)
    found = fed(address, [])
    items, position = read(found)
    assert said(items) == [("alert", FIRST)]
    assert not read(found, position)[0]
    pages["/feed"] = alert(2, "Cancel", references=name(1), infos="")
    assert said(read(found, position)[0]) == [("cancel", FIRST)]


def test_a_feed_that_fails_loses_nothing(feed: tuple[dict[str, bytes | int], str]) -> None:
    pages, address = feed
    pages["/feed"], pages["/1"], pages["/2"] = atom("/1", "/2"), alert(1), 503
    found = fed(address, [])
    with pytest.raises(TransientError):
        read(found)
    pages["/2"] = alert(2)
    assert len(said(read(found)[0])) == 2
    pages["/feed"] = atom("/1")[:40]
    with pytest.raises(TransientError, match="whole"):
        read(found)
    pages["/feed"] = b"<html/>"
    with pytest.raises(ConfigurationError, match="neither"):
        read(found)
    found.close()


def test_give_one_of_folder_and_feed() -> None:
    for wrong in ({}, {"folder": "/a", "feed": {"base_url": "http://127.0.0.1"}}):
        with pytest.raises(ValidationError, match="folder or feed"):
            CapConfig.model_validate(wrong)

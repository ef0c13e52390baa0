"""What becomes of every kind of record the hub cannot take as it is: each gets its named treatment, and the rest flows on."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hub.agents.track.waiting import PATIENCE_MS
from hub.cli.process.children import environment_of
from hub.core.routing.router import DESK_RULE, UNKNOWN_CATEGORY, Router
from hub.inspect.reading import read_messages, spans
from hub.policy import load_city
from hub.settings import Settings
from hub.stream.avro.codec import HEADER_BYTES, Codec
from hub.testing.files import POLICE_COLUMNS, csv_text, police_row
from hub.topics import CASES, DEAD, EVENTS, REPEATS, city_events, city_replies, dept_orders, dept_updates
from tests.integration.small_hub import SmallHub, case_event, running_hub
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.kafka

UNKNOWN_CASE = "dead letter 死信 track/unknown_case"
YEAR_ONE_MS = -62_135_596_800_000
HOTLINE, WATER = city_events("hotline").name, dept_updates("water_supply").name
NOWHERE = {"code": None, "grid": None, "lat": None, "lon": None, "crs": "EPSG:4326", "address": None}
OUTSIDE = NOWHERE | {"lat": 34.2, "lon": 114.9}
HARBOUR = case_event("hotline", "any")["place"]
BIG_TEXT = "水" * 700_000
"""Two megabytes."""

Make = Callable[[Codec, str], bytes | None]


def event(ref: str, **changes: Any) -> dict[str, Any]:
    return case_event("hotline", ref, **changes)


def an_event(**changes: Any) -> Make:
    return lambda codec, ref: codec.encode_one("cityhub.CaseEvent", event(ref) | changes)


def an_update(**changes: Any) -> Make:
    update = {
        "revision": 0, "department": "water_supply", "case_id": "C-1", "status": "ACCEPTED",
        "at": event("")["reported_at"], "note": "",
    }  # fmt: skip
    return lambda codec, ref: codec.encode_one("cityhub.Update", update | {"update_id": ref} | changes)


def spoilt(spoil: Callable[[bytes], bytes | None]) -> Make:
    return lambda codec, ref: spoil(codec.encode_one("cityhub.CaseEvent", event(ref)))


class Bad(NamedTuple):
    """A record that becomes a dead letter, and what the letter says."""

    make: Make
    stage: str
    reason: str
    detail: str
    topic: str = HOTLINE


def _refused(make: Make, reason: str, detail: str, topic: str = HOTLINE) -> Bad:
    return Bad(make, "deduplicate", reason, detail, topic)


BAD = {
    "garbage": _refused(lambda *_: b"\x7fnot avro at all", "undecodable", "wire format"),
    "empty": _refused(lambda *_: b"", "undecodable", "wire format"),
    "truncated": _refused(spoilt(lambda value: value[:-3]), "undecodable", "not cityhub.CaseEvent v"),
    "left-over": _refused(spoilt(lambda value: value + b"xx"), "undecodable", "2 bytes are left over"),
    "not-utf-8": _refused(spoilt(lambda v: v.replace(b"Water main", b"Water\xff\xfe\xfd\xfc\xfb")), "undecodable", "UTF-8"),
    "tombstone": _refused(spoilt(lambda _: None), "undecodable", "tombstone"),
    "unknown-schema": _refused(
        spoilt(lambda v: b"\0" + (999).to_bytes(4, "big") + v[HEADER_BYTES:]), "unknown_schema", "no schema has id 999"
    ),
    "wrong-schema": _refused(an_update(), "wrong_schema", "is cityhub.Update; this topic carries cityhub.CaseEvent"),
    "sender": _refused(an_event(source="police"), "sender_mismatch", "publish it on its own topic"),
    "no-reference": _refused(an_event(source_ref=""), "invalid", "source_ref has 0 characters"),
    "year-one": _refused(an_event(reported_at=YEAR_ONE_MS), "time_out_of_range", "reported_at is 0001-01-01"),
    "year-3-million": _refused(an_event(reported_at=10**17), "time_out_of_range", f"reported_at is {10**17} ms"),
    "occurred-in-year-one": _refused(an_event(occurred_at=YEAR_ONE_MS), "time_out_of_range", "occurred_at is 0001"),
    "two-megabytes": _refused(an_event(text=BIG_TEXT), "too_large", "text has 700,000 characters"),
    "update-garbage": _refused(lambda *_: b"?", "undecodable", "wire format", WATER),
    "update-sender": _refused(an_update(department="roads"), "sender_mismatch", "came by dept.water_supply and names", WATER),
    "update-year-one": _refused(an_update(at=YEAR_ONE_MS), "time_out_of_range", "at is 0001-01-01", WATER),
    "update-of-nothing": Bad(an_update(case_id="C-NONE"), "track", "unknown_case", "take it from the order", WATER),
}  # fmt: skip

# a bad row, then one of the year 0001, then one of two megabytes; lines count from 1 and the first is the header
FILE_ROWS = [
    police_row(0), police_row(1, BJSJ="yesterday"), police_row(2), police_row(3, BJSJ=YEAR_ONE_MS), police_row(4),
    police_row(5, BJNR=BIG_TEXT), police_row(6),
]  # fmt: skip
BAD_ROWS = {3: (FILE_ROWS[1], "bad_row"), 5: (FILE_ROWS[3], "time_out_of_range"), 7: (FILE_ROWS[5], "too_large")}


@dataclass
class Seen:
    """All that one hub's topics hold after it has taken everything in."""

    hub: SmallHub
    good_refs: set[str]
    connector: subprocess.CompletedProcess[str]
    empty: subprocess.CompletedProcess[str]

    def records(self, topic: str) -> list[dict[str, Any]]:
        return [self.hub.codec.decode_one(value)[1] for _, _, value in self.raw(topic).values() if value is not None]

    def raw(self, topic: str) -> dict[tuple[int, int], tuple[str, bytes | None, bytes | None]]:
        settings = self.hub.settings
        return {
            (message.partition(), message.offset()): (topic, message.key(), message.value())
            for batch in read_messages(settings, spans(settings, [topic]))
            for message in batch
        }

    @cached_property
    def letters(self) -> list[dict[str, Any]]:
        return self.records(DEAD.name)

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        return self.records(EVENTS.name)

    @cached_property
    def cases(self) -> list[dict[str, Any]]:
        return self.records(CASES.name)

    def changes(self, ref: str) -> list[dict[str, Any]]:
        return [case for case in self.cases if case["source_ref"] == ref]

    def orders(self, department: str, case: str) -> list[dict[str, Any]]:
        return [order for order in self.records(dept_orders(department).name) if order["case_id"] == case]


def run_connector(settings: Settings, file: Path) -> subprocess.CompletedProcess[str]:
    command = ["connector", "run", "police", "--file", str(file), "--cursor-dir", str(settings.state_dir)]
    return subprocess.run(
        [sys.executable, "-m", "hub.cli.main", *command],
        env=environment_of(settings), capture_output=True, text=True, timeout=2 * PATIENCE_SECONDS, check=False,
    )  # fmt: skip


def treated(hub: SmallHub) -> Iterator[tuple[str, bytes, bytes | None]]:
    """Topic, key and value of every record: each bad one with a good one behind it."""
    for name, bad in BAD.items():
        yield bad.topic, name.encode(), bad.make(hub.codec, name)
        yield HOTLINE, f"good-{name}".encode(), an_event()(hub.codec, f"good-{name}")
    for ref, changes in (
        ("unknown-category", {"category": "nobody.knows"}),
        ("outside", {"place": OUTSIDE}),
        ("unplaced", {"place": NOWHERE}),
        ("repeated", {}),
        ("repeated", {}),
        ("revised", {"revision": 5}),
        ("revised", {"revision": 3, "kind": "AMENDED"}),
        ("followed", {}),
        ("followed", {"revision": 1, "kind": "AMENDED", "place": NOWHERE, "category": ""}),
    ):
        yield HOTLINE, ref.encode(), codec_event(hub, ref, changes)


def codec_event(hub: SmallHub, ref: str, changes: dict[str, Any]) -> bytes:
    # the same minute for all of one reference, so that a repeat is one to the byte
    return hub.codec.encode_one("cityhub.CaseEvent", event(ref) | {"reported_at": REPORTED_MS} | changes)


REPORTED_MS = event("")["reported_at"]


@pytest.fixture(scope="module")
def seen(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("treatments")
    (folder / "calls.csv").write_text(csv_text(POLICE_COLUMNS, FILE_ROWS), encoding="utf-8")
    (folder / "empty.csv").write_bytes(b"")
    with running_hub(kafka_bootstrap, f"t{uuid.uuid4().hex[:6]}.", folder) as hub:
        for topic, key, value in treated(hub):
            hub.send(topic, key, value)
        empty = run_connector(hub.settings, folder / "empty.csv")
        connector = run_connector(hub.settings, folder / "calls.csv")
        wanted = sum(bad.stage == "track" for bad in BAD.values())
        hub.settle(lambda report: report.good and report.outcomes.get(UNKNOWN_CASE, 0) == wanted)
        yield Seen(hub, {f"good-{name}" for name in BAD}, connector, empty)


@pytest.mark.parametrize("name", BAD)
def test_a_record_that_cannot_be_used_is_a_dead_letter(seen: Seen, name: str) -> None:
    bad = BAD[name]
    came_in = {place: record for place, record in seen.raw(bad.topic).items() if record[1] == name.encode()}
    ((place, (_, key, value)),) = came_in.items()
    (letter,) = [
        each
        for each in seen.letters
        if (origin := each["origin"])
        and (origin["topic"], origin["partition"], origin["offset"]) == (bad.topic, *place)
    ]
    assert (letter["stage"], letter["reason"]) == (bad.stage, bad.reason)
    assert bad.detail in letter["detail"]
    assert letter["value"] == value, "the bytes that came in"
    assert letter["origin"]["ingested_at"] > REPORTED_MS
    assert (letter["file"], letter["line"]) == (None, None)
    if bad.stage == "deduplicate":
        assert letter["key"] == key
    assert letter["at"] >= letter["origin"]["ingested_at"] + (PATIENCE_MS if bad.stage == "track" else 0) - 1000


def test_nothing_else_is_a_dead_letter(seen: Seen) -> None:
    found = Counter((letter["stage"], letter["reason"]) for letter in seen.letters if letter["file"] is None)
    assert found == Counter((bad.stage, bad.reason) for bad in BAD.values())


def test_two_megabytes_are_kept_whole(seen: Seen) -> None:
    (letter,) = [each for each in seen.letters if each["reason"] == "too_large" and each["file"] is None]
    assert seen.hub.codec.decode_one(letter["value"])[1]["text"] == BIG_TEXT


def test_the_rest_flows_on(seen: Seen) -> None:
    for ref in seen.good_refs:
        assert [change["change"] for change in seen.changes(ref)] in (["OPENED"], ["LINKED"]), ref
    for row in (FILE_ROWS[0], FILE_ROWS[2], FILE_ROWS[4], FILE_ROWS[6]):
        assert [change["change"] for change in seen.changes(row[0])] in (["OPENED"], ["LINKED"]), row[0]


def test_an_unknown_category_goes_to_the_dispatch_desk(seen: Seen) -> None:
    (opened,) = seen.changes("unknown-category")
    desk = load_city(seen.hub.settings.city).dispatch_desk
    assert (opened["change"], opened["department"], opened["rule"]) == ("OPENED", desk, DESK_RULE)
    assert (opened["desk_reason"], opened["category"]) == (UNKNOWN_CATEGORY, "nobody.knows")
    orders = seen.orders(desk, opened["case_id"])
    assert [order["reason"] for order in orders if order["kind"] == "ASSIGN"] == [UNKNOWN_CATEGORY]


@pytest.mark.parametrize(("ref", "placed"), [("outside", True), ("unplaced", False)])
def test_a_place_outside_every_area_is_routed_by_what_it_is(seen: Seen, ref: str, placed: bool) -> None:
    (opened,) = seen.changes(ref)
    decision = Router(load_city(seen.hub.settings.city)).route_one("hotline", "water.burst", None, "URGENT", placed)
    assert (opened["change"], opened["area"], opened["lat"] is not None) == ("OPENED", None, placed)
    assert (opened["department"], opened["rule"], opened["desk_reason"]) == decision[:3]
    assert [o["kind"] for o in seen.orders(decision.department, opened["case_id"])].count("ASSIGN") == 1


def test_an_exact_repeat_names_the_first_sighting(seen: Seen) -> None:
    (repeat,) = seen.records(REPEATS.name)
    (admitted,) = [each for each in seen.events if each["event"]["source_ref"] == "repeated"]
    assert (repeat["source"], repeat["source_ref"], repeat["revision"]) == ("hotline", "repeated", 0)
    first = admitted["origin"]
    assert [repeat[f"first_{name}"] for name in ("topic", "partition", "offset")] == [
        first[name] for name in ("topic", "partition", "offset")
    ]
    assert repeat["origin"]["partition"] == first["partition"]
    assert repeat["origin"]["offset"] > first["offset"]
    assert len(seen.changes("repeated")) == 1


def test_an_older_revision_is_superseded(seen: Seen) -> None:
    first, late = seen.changes("revised")
    assert first["change"] in ("OPENED", "LINKED")
    assert (late["change"], late["case_id"], late["revision"]) == ("SUPERSEDED", first["case_id"], 5)


def test_a_follow_up_without_a_place_goes_where_the_report_went(seen: Seen) -> None:
    first, follow_up = [each for each in seen.events if each["event"]["source_ref"] == "followed"]
    assert follow_up["lat"] is None
    assert follow_up["place_key"] == first["place_key"]
    assert not first["place_key"].startswith("~")
    opened, amended = seen.changes("followed")
    assert (amended["change"], amended["case_id"]) == ("AMENDED", opened["case_id"])
    assert (amended["lat"], amended["category"]) == (opened["lat"], opened["category"]), "as before"


def test_an_empty_file_is_said_to_be_empty(seen: Seen) -> None:
    assert seen.empty.returncode == 0, seen.empty.stderr
    assert "0 rows" in seen.empty.stdout
    assert not [letter for letter in seen.letters if letter["file"] == "empty.csv"]


def test_rows_that_cannot_be_used_are_dead_letters_of_the_connector(seen: Seen) -> None:
    assert seen.connector.returncode == 0, seen.connector.stderr
    found = {letter["line"]: letter for letter in seen.letters if letter["file"] == "calls.csv"}
    assert {line: letter["reason"] for line, letter in found.items()} == {n: why for n, (_, why) in BAD_ROWS.items()}
    for line, (row, _) in BAD_ROWS.items():
        assert found[line]["value"].decode() == csv_text(row, []), "the row as it stood"
        assert found[line]["origin"] is None
        assert found[line]["stage"] == "connector:police"
    published = [record["source_ref"] for record in seen.records(city_events("police").name)]
    assert sorted(published) == sorted(row[0] for row in FILE_ROWS if row not in [bad for bad, _ in BAD_ROWS.values()])


def test_the_audit_is_good(seen: Seen) -> None:
    report = seen.hub.audit()
    assert report.good, report
    assert sum(report.taken_in.values()) == sum(report.outcomes.values()) == 2 * len(BAD) + 9 + 4
    assert report.connector_letters == len(BAD_ROWS)
    assert not seen.records(city_replies("hotline").name)

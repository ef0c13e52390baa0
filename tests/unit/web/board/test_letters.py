"""Dead letters on the board: grouped, shown, mended, sent again slowly and not in circles, closed; by operators, in the trail."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hub.clock import wall_ms
from hub.inspect.letters import Letter
from hub.inspect.mending.dealt import MOST_TIMES, REDRIVE_ENDED
from hub.inspect.mending.redrive import Resent, plan_redrive
from hub.ledger.store import LedgerStore
from hub.settings import Settings
from hub.web.access.accounts import Role
from hub.web.access.chain import AuditedAct, export_lines, verified
from hub.web.access.file import AccessFile
from hub.web.access.guard import Access
from hub.web.access.trail import trail_entries
from hub.web.app import web_app
from hub.web.board.app import WallBoard
from hub.web.intake import NotTakenError, Outgoing
from hub.web.letters.deeds import DeedBook
from hub.web.letters.redrive import Redrive, standing_of_last
from tests.unit.inspect.letters import a_letter
from tests.unit.ledger.made_up import put, stored
from tests.unit.web.access.cheap import cheap_passwords
from tests.unit.web.board.city_days import city_ledger, city_settings
from tests.unit.web.front import MemoryWeb, memory_web, pothole
from tests.unit.web.letters import MemoryLetters
from tests.waiting import wait_for

_TOPIC = "city.hotline.events"


class LetterDesk:
    """An operator at a board over a hub in memory that has set records aside."""

    def __init__(self, folder: Path, web: MemoryWeb) -> None:
        self.web, self.ledger = web, city_ledger(folder)
        self.board = WallBoard(city_settings(folder), web.front, MemoryLetters(web.hub))
        app = web_app(web.front, web.offers, b"a secret of this test's", board=self.board.routes())
        self.client = TestClient(app, base_url="http://127.0.0.1")
        self.headers = web.logged_in(Role.OPERATOR, name="op")

    def settle(self) -> None:
        self.web.settle(self.web.hub.clock.now_ms + 60_000)
        put(LedgerStore(self.ledger), stored(self.web.hub))

    def send(self, ref: str, **changes: Any) -> None:
        """A report as its source writes it."""
        value = self.web.hub.codec.encode_one("cityhub.CaseEvent", pothole(ref).to_avro() | changes)
        self.web.hub.send(_TOPIC, ref.encode(), value)

    def list(self, **asked: str) -> Any:
        self.client.cookies.clear()
        answer = self.client.get("/board/letters/list", params=asked, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def show(self, letter: str, **asked: str) -> Any:
        self.client.cookies.clear()
        return self.client.get(f"/board/letters/{letter}", params=asked, headers=self.headers).json()

    def post(self, path: str, **body: Any) -> Any:
        self.client.cookies.clear()
        return self.client.post(f"/board/letters/{path}", json=body, headers=self.headers)

    def came(self) -> int:
        return len(self.web.hub.broker.records(_TOPIC))

    def trail(self) -> list[str]:
        return [each.act.what for each in trail_entries(self.web.access.file) if each.act.what.startswith("dead.")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LetterDesk]:
    with memory_web(tmp_path) as web:
        made = LetterDesk(tmp_path, web)
        made.send("H-1")
        made.settle()
        made.send("H-1", revision=1, category="x" * 300, text="Wang 13800000000")
        made.web.hub.send(_TOPIC, b"x", b"rubbish")
        made.web.hub.send(_TOPIC, None, b"rubbish")
        made.settle()
        with made.client:
            yield made
        made.board.stop()
        made.ledger.close()


def _by_reason(found: Any) -> dict[str, Any]:
    return {group["reason"]: group for group in found["groups"]}


def test_how_old_a_letter_is_goes_by_the_walls_clock_by_which_it_is_dated(desk: LetterDesk) -> None:
    before_ms = wall_ms()
    assert desk.list()["now"] >= before_ms, "not by the replayed city's, which may be months behind"


def test_letters_are_grouped_and_one_is_shown_beside_its_bytes_with_the_clocks_that_run(desk: LetterDesk) -> None:
    found = desk.list()
    groups = _by_reason(found)
    assert {reason: group["open"] for reason, group in groups.items()} == {"too_large": 1, "undecodable": 2}
    assert {(group["sender"], group["owner"] != "") for group in groups.values()} == {("hotline", True)}
    assert found["total"] == 3
    (line,) = desk.list(reason="too_large")["letters"]
    shown = desk.show(line["id"])
    assert (shown["way"], shown["topic"], shown["state"]) == ("record", _TOPIC, "open")
    assert json.loads(shown["record"])["source_ref"] == "H-1"
    assert bytes.fromhex(shown["hex"])[:1] == b"\x00"
    assert {clock["clock"] for clock in shown["clocks"]} >= {"accept", "resolve"}, "of the case of H-1"
    rubbish = desk.show(desk.list(reason="undecodable")["letters"][0]["id"])
    assert (rubbish["text"], rubbish["record"], rubbish["form"], rubbish["clocks"]) == ("rubbish", None, None, [])


def test_a_letter_is_mended_checked_and_sent_and_the_trail_has_no_word_of_it(desk: LetterDesk) -> None:
    (line,) = desk.list(reason="too_large")["letters"]
    record, before = json.loads(desk.show(line["id"])["record"]), desk.came()
    unsound = {"record": json.dumps(record | {"category": "y" * 300})}
    checked = desk.post(f"{line['id']}/check", **unsound).json()
    assert (checked["sound"], checked["faults"][0]["reason"]) == (False, "too_large")
    assert desk.post(f"{line['id']}/send", **unsound).status_code == 422
    assert desk.post(f"{line['id']}/send", record=json.dumps(record)).status_code == 422, "nothing is changed"
    for nothing in ("", "[]", "{", '{"source": 1}'):
        assert desk.post(f"{line['id']}/check", record=nothing).status_code == 422
    sound = {"record": json.dumps(record | {"category": "road.pothole"})}
    checked = desk.post(f"{line['id']}/check", **sound).json()
    assert checked["sound"]
    assert '+  "category": "road.pothole"' in "".join(checked["diff"])
    assert (desk.came(), desk.trail()) == (before, [])
    assert desk.post(f"{line['id']}/send", **sound).status_code == 202
    desk.settle()
    assert desk.came() == before + 1
    found = desk.list()
    assert _by_reason(found)["too_large"]["sent"] == 1
    assert found["there"] == 3, "it was taken"
    entries = list(trail_entries(desk.web.access.file))
    (entry,) = [each for each in entries if each.act.what == "dead.resend"]
    assert (entry.who, entry.act.after["fields"]) == ("op", ["category"])
    assert "Wang" not in json.dumps(entries)
    verified(export_lines(entries))
    assert [each["what"] for each in desk.show(line["id"])["done"]] == ["dead.resend"]


def test_a_redrive_is_tried_first_and_ends_however_often_it_is_begun(desk: LetterDesk) -> None:
    before = desk.came()
    tried = desk.post("redrive", reason="undecodable").json()
    assert (tried["send"], tried["back"]) == (2, {"undecodable": 2})
    assert (desk.came(), desk.trail()) == (before, [])
    for again in range(1, MOST_TIMES + 2):
        answer = desk.post("redrive", reason="undecodable", dry_run=False, rate=1_000)
        assert answer.status_code == (202 if again <= MOST_TIMES else 200), answer.text
        wait_for(lambda: (desk.list()["redrive"] or {})["how"] == "done", "the redrive has ended")
        desk.settle()
        assert desk.came() == before + 2 * min(again, MOST_TIMES)
    assert desk.post("redrive", reason="undecodable").json()["left"]["often"] == 2


def test_many_are_closed_with_a_reason_and_opened_again(desk: LetterDesk) -> None:
    assert desk.post("close", reason="undecodable").status_code == 422, "without a reason"
    assert desk.post("close", why="all of them").status_code == 422, "of nothing"
    assert desk.post("close", letters=["0:999999"], why="x").status_code == 404
    assert desk.post("close", reason="undecodable", why="a test by its vendor").json() == {"done": 2, "left": 0}
    found = desk.list()
    assert (_by_reason(found)["undecodable"]["closed"], found["total"]) == (2, 1)
    letters = [line["id"] for line in desk.list(state="closed")["letters"]]
    assert desk.post("reopen", letters=letters, why="it was not").json()["done"] == 2
    assert desk.list()["total"] == 3
    assert desk.trail() == ["dead.close"] * 2 + ["dead.reopen"] * 2


def test_only_operators_deal_with_letters_and_only_from_their_page(desk: LetterDesk) -> None:
    (line,) = desk.list(reason="too_large")["letters"]
    others = [
        (desk.web.logged_in(role, department="roads" if role is Role.DEPARTMENT else None), 403)
        for role in Role
        if role is not Role.OPERATOR
    ]
    forged = [
        ({"Cookie": desk.headers["Cookie"]}, 403),
        (desk.headers | {"Sec-Fetch-Site": "cross-site"}, 403),
        ({}, 401),
    ]
    for headers, status in others + forged:
        desk.headers = headers
        for path, body in (
            ("close", {"letters": [line["id"]], "why": "x"}), ("reopen", {"letters": [line["id"]], "why": "x"}),
            ("redrive", {"letters": [line["id"]], "dry_run": False}), ("redrive/stop", {}),
            (f"{line['id']}/check", {"record": "{}"}), (f"{line['id']}/send", {"record": "{}"}),
        ):  # fmt: skip
            assert desk.post(path, **body).status_code == status, path
    assert desk.trail() == []


def test_while_the_trail_cannot_be_written_nothing_is_sent(desk: LetterDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = desk.list(reason="too_large")["letters"]
    record, before = json.loads(desk.show(line["id"])["record"]) | {"category": "road.pothole"}, desk.came()
    with sqlite3.connect(desk.web.access.file.path) as holds:
        holds.execute("drop table trail")
    monkeypatch.setattr("hub.web.letters.deeds.acts_named", lambda *_: ())
    assert desk.post(f"{line['id']}/send", record=json.dumps(record)).status_code == 503
    assert desk.post("redrive", letters=[line["id"]], dry_run=False).status_code == 503
    assert desk.came() == before


# -- a redrive by itself ------------------------------------------------------------------------------------------------------


class _Kafka:
    """Takes what it is given, as far as it does; whoever waits tells it how long."""

    def __init__(self, takes: int = 10**9) -> None:
        self.takes, self.batches, self.waited = takes, [], 0.0

    async def put(self, records: Sequence[Outgoing]) -> None:
        if len(self.batches) >= self.takes:
            raise NotTakenError
        self.batches.append([record.value for record in records])

    batches: list[list[bytes | None]]


def _run(folder: Path, kafka: _Kafka, rate: int, on_pause: Any = None) -> tuple[DeedBook, list[Letter]]:
    letters = [a_letter(number, str(number).encode()) for number in range(10)]
    access, settings = Access(AccessFile(folder / "access.sqlite"), cheap_passwords()), Settings(state_dir=folder)
    book = DeedBook(access.file, settings)

    async def pause(seconds: float) -> None:
        kafka.waited += seconds
        if on_pause is not None:
            await on_pause(access, redrive)

    redrive = Redrive(settings, access, kafka, book, "op", rate, named=False, again=False, pause=pause)

    async def run(sent: Sequence[Resent]) -> None:
        await redrive.begin(len(sent))
        await redrive.run(sent)

    asyncio.run(run(plan_redrive(letters, book.dealt(), named=False, again=False).sent))
    return book, letters


def test_a_redrive_is_no_faster_than_its_rate_and_says_how_far_it_is(tmp_path: Path) -> None:
    kafka = _Kafka()
    book, _ = _run(tmp_path, kafka, 4)
    assert ([len(batch) for batch in kafka.batches], kafka.waited) == ([4, 4, 2], 2.0)
    standing = standing_of_last(book.dealt(), wall_ms())
    assert standing is not None
    assert (standing.who, standing.letters, standing.sent, standing.how) == ("op", 10, 10, "done")


def test_what_kafka_did_not_take_is_open_still(tmp_path: Path) -> None:
    book, letters = _run(tmp_path, _Kafka(takes=1), 4)
    dealt = book.dealt()
    assert [dealt.state(each).value for each in letters] == ["sent"] * 4 + ["open"] * 6
    standing = standing_of_last(dealt, wall_ms())
    assert standing is not None
    assert (standing.sent, standing.how) == (4, "failed")


def test_another_process_stops_it_or_sends_some_of_it_first(tmp_path: Path) -> None:
    """By the trail alone."""
    kafka = _Kafka()

    async def stopped(access: Access, redrive: Redrive) -> None:
        await access.note("other", [AuditedAct(REDRIVE_ENDED, redrive.id, None, {"how": "stopped"})])

    book, _ = _run(tmp_path, kafka, 4, stopped)
    assert len(kafka.batches) == 1
    standing = standing_of_last(book.dealt(), wall_ms())
    assert standing is not None
    assert (standing.sent, standing.how) == (4, "stopped")

    async def sent(access: Access, _: Redrive) -> None:
        await access.note("other", [AuditedAct("dead.resend", f"hub.dead 0:{number}", None, {}) for number in range(8)])

    (tmp_path / "second").mkdir()
    kafka = _Kafka()
    _run(tmp_path / "second", kafka, 4, sent)
    assert sum(map(len, kafka.batches)) == 6, "4 of the first batch, and the 2 that the other had left"


def test_a_redrive_whose_process_is_gone_is_said_to_be(tmp_path: Path) -> None:
    access = Access(AccessFile(tmp_path / "access.sqlite"), cheap_passwords())
    settings = Settings(state_dir=tmp_path)
    redrive = Redrive(settings, access, _Kafka(), DeedBook(access.file, settings), "op", 4, named=False, again=False)
    asyncio.run(redrive.begin(3))
    dealt = DeedBook(access.file, settings).dealt()
    for later_ms, how in ((0, "running"), (120_000, "gone")):
        standing = standing_of_last(dealt, wall_ms() + later_ms)
        assert standing is not None
        assert standing.how == how

"""Who reported may ask where it stands, and nobody learns by guessing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.clock import iso
from hub.model.event import EventKind
from hub.model.update import Update
from hub.web.tokens import TokenKind
from tests.unit.web.front import NOON, MemoryWeb, memory_web, pothole


@pytest.fixture
def web(tmp_path: Path) -> Iterator[MemoryWeb]:
    with memory_web(tmp_path) as web:
        web.hub.publish(pothole("H1", text="Wang of 13800000000 says it is deep."))
        web.settle()
        yield web


def test_where_it_stands(web: MemoryWeb) -> None:
    asked = {"source": "hotline", "ref": "H1"}
    told = web.client.get("/status", params=asked, headers=web.bearer("hotline", TokenKind.SOURCE)).json()
    (order,) = web.hub.records("dept.roads.orders")
    web.hub.publish(
        Update(update_id="U", department="roads", case_id=order["case_id"], status="RESOLVED", at=NOON + 1, note="Filled.")
    )  # fmt: skip
    web.settle()
    answer = web.client.get("/status", params=asked | {"code": told["code"]})
    assert answer.json() == {
        "source": "hotline", "ref": "H1", "state": "closed", "department": "Roads 市政道路",
        "reported_at": "2026-03-02T04:00:00.000+00:00", "due_at": told["due_at"],
        "answers": [{"at": "2026-03-02T04:00:00.001+00:00", "status": "resolved 办结", "text": "Filled."}],
    }  # fmt: skip
    assert told["due_at"] is not None
    assert "Wang" not in answer.text
    assert "13800000000" not in answer.text


def test_a_report_that_was_joined_to_a_case_was_made_when_it_was_made(web: MemoryWeb) -> None:
    """Not when the case was opened by another; also after it was taken out again, and where its first word came late."""
    made = iso(NOON + 4_000)

    def reported(ref: str) -> str:
        known = web.bearer("hotline", TokenKind.SOURCE)
        answer = web.client.get("/status", params={"source": "hotline", "ref": ref}, headers=known)
        return str(answer.json()["reported_at"])

    web.hub.publish(pothole("H2", reported_at=NOON + 9_000, revision=1, kind=EventKind.AMENDED))
    web.settle()
    web.hub.publish(pothole("H2", reported_at=NOON + 4_000))
    web.settle()
    (linked,) = web.hub.records("hub.cases", change="LINKED")
    assert (reported("H1"), reported("H2")) == (iso(NOON), made)
    unlinks = {"step": "UNLINKED", "report": "hotline:H2"}
    web.hub.publish(
        Update(
            update_id="U", department="dispatch_desk", case_id=linked["case_id"], status="ACCEPTED",
            at=NOON + 20_000, **unlinks,
        )
    )  # fmt: skip
    web.settle()
    assert web.hub.records("hub.cases", change="OPENED", lead_ref="H2")
    assert reported("H2") == made


def test_guessing_tells_nothing(web: MemoryWeb) -> None:
    other = web.bearer("police", TokenKind.SOURCE)
    answers = {
        (each.status_code, each.text)
        for each in (
            web.client.get("/status", params={"source": "hotline", "ref": "H1"}),
            web.client.get("/status", params={"source": "hotline", "ref": "H1", "code": "A" * 16}),
            web.client.get("/status", params={"source": "hotline", "ref": "H1", "code": "é"}),
            web.client.get("/status", params={"source": "hotline", "ref": "H2", "code": "A" * 16}),
            web.client.get("/status", params={"source": "nobody", "ref": "H1", "code": "A" * 16}),
            web.client.get("/status", params={"source": "hotline", "ref": "H1"}, headers=other),
        )
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 404


def test_a_code_is_of_one_report(web: MemoryWeb) -> None:
    code = web.client.get(
        "/status", params={"source": "hotline", "ref": "H1"}, headers=web.bearer("hotline", TokenKind.SOURCE)
    ).json()["code"]
    for source, ref in (("hotline", "H2"), ("hotlineH", "1")):
        assert web.client.get("/status", params={"source": source, "ref": ref, "code": code}).status_code == 404


def test_who_asks_too_often_waits(web: MemoryWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.status._PER_SECOND", 1e-6)  # however long the test takes
    web.rebuild()
    statuses = [web.client.get("/status", params={"source": "hotline", "ref": "H1"}).status_code for _ in range(40)]
    assert set(statuses) == {404, 429}
    assert statuses.index(429) == 30
    web.rebuild()
    known = web.bearer("hotline", TokenKind.SOURCE)
    web.tokens._looked = -1e9
    asked = {"source": "hotline", "ref": "H1"}
    assert {web.client.get("/status", params=asked, headers=known).status_code for _ in range(40)} == {200}

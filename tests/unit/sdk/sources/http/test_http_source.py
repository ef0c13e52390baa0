"""The source of HTTP against a real server on loopback: every kind of paging, every way to stumble; nothing lost or doubled."""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import FatalError
from hub.sdk.errors import AuthError, ConfigurationError, PermanentError, TransientError
from hub.sdk.manifest import Manifest
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions
from hub.sdk.running.status import Board
from hub.sdk.sources.http.client import retry_after
from hub.sdk.sources.http.config import HttpConfig
from hub.testing.source_suite import KilledError, MemoryPublisher
from tests.unit.sdk.sources.http.api import (
    NO_DATE,
    Api,
    Stumble,
    dated_never,
    half_a_body,
    half_a_document,
    hanging_up,
    http_date,
    page_before,
    refusing,
    row,
    serving,
)
from tests.unit.sdk.sources.http.running import PAGINGS, SINCE, TIMES, refs, run, source_of

pytestmark = pytest.mark.process


@pytest.mark.parametrize("size", [0, 1, 3, 4, 7])
@pytest.mark.parametrize("paging", PAGINGS)
def test_all_pages_are_read_once(paging: str, size: int, manifest: Manifest, tmp_path: Path) -> None:
    with serving(Api([row(n, TIMES[n]) for n in range(size)], paging)) as api:
        sent = run(manifest, api, tmp_path)
    assert refs(sent) == [f"N-{n}" for n in range(size)]
    assert not sent.letters


STUMBLES: dict[str, Stumble] = {
    "429 with seconds": refusing(429, Retry_After="0"),
    "503 with a date": refusing(503, Retry_After=http_date(-5)),
    "503 with a date that is none": refusing(503, Retry_After=NO_DATE),
    "dated never": dated_never,
    "500": refusing(500),
    "502": refusing(502),
    "half a body": half_a_body,
    "half a document": half_a_document,
    "hung up": hanging_up,
    "a page twice": page_before,
    "no list": refusing(200),
}


@pytest.mark.parametrize("stumble", STUMBLES)
@pytest.mark.parametrize("paging", ["page", "offset", "cursor", "link"])
def test_a_system_that_stumbles_loses_and_doubles_nothing(
    paging: str, stumble: str, manifest: Manifest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Api([row(n, TIMES[n]) for n in range(8)], paging)) as api:
        api.stumbles = [None, STUMBLES[stumble], None, STUMBLES[stumble]]
        sent = run(manifest, api, tmp_path)
    assert refs(sent) == [f"N-{n}" for n in range(8)]
    assert not sent.letters
    assert "Li Lei" not in caplog.text
    assert caplog.text.count("waiting, nothing is lost") == caplog.text.count("answers again") == 2


@pytest.mark.parametrize("paging", PAGINGS)
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(die_at=st.integers(0, 8), rows=st.integers(1, 9))
def test_killed_anywhere_nothing_is_lost_and_order_is_kept(
    paging: str, die_at: int, rows: int, manifest: Manifest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("kill")
    with serving(Api([row(n, TIMES[n]) for n in range(rows)], paging)) as api:
        killed = MemoryPublisher(die_at=die_at)
        if die_at < rows:
            with pytest.raises(KilledError):
                run(manifest, api, folder, killed, incremental=SINCE)
        arrived = killed.events[: killed.acknowledged]
        resumed = run(manifest, api, folder, incremental=SINCE).events
    found = [event.source_ref for event in arrived + resumed]
    assert set(found) == {f"N-{n}" for n in range(rows)}
    assert list(dict.fromkeys(found)) == sorted(set(found))


def test_a_change_of_an_old_request_becomes_a_statement_and_repeats_do_not(manifest: Manifest, tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    with serving(Api([row(n, TIMES[n]) for n in range(6)], "page")) as api:
        source, intake = source_of(manifest, api, incremental=SINCE)
        file, board = PositionFile(tmp_path / "p.json"), Board("test", "test", None)
        for sweep in range(3):
            Run(source, intake, file, RunnerOptions(checkpoint_rows=1), publisher, board).run()
            if not sweep:
                api.rows[2] = row(2, TIMES[30], action="done", title="Filled")
    said = [(event.source_ref, event.kind.value) for event in publisher.events]
    assert said == [*((f"N-{n}", "OPENED") for n in range(6)), ("N-2", "CLOSED")]
    assert "since" not in api.asked[0]
    assert api.asked[-1]["since"] == "2026-01-06T00:25:00Z", "the newest seen, less five minutes"


def test_one_dated_ahead_hides_nothing_that_comes_later(manifest: Manifest, tmp_path: Path) -> None:
    with serving(Api([row(0, "2099-01-01T00:00:00+08:00"), row(1, TIMES[1])], "page")) as api:
        run(manifest, api, tmp_path, incremental=SINCE)
        api.rows = [row(2, "2098-01-01T00:00:00+08:00")]
        later = run(manifest, api, tmp_path, incremental=SINCE)
    assert refs(later) == ["N-2"]


def test_windows_of_time_follow_each_other_up_to_now(manifest: Manifest, tmp_path: Path) -> None:
    rows = [row(n, f"2026-01-{6 + n:02d}T08:00:00+08:00") for n in range(5)]
    with serving(Api(rows, "none")) as api:
        sent = run(
            manifest, api, tmp_path,
            paging={"kind": "window", "from_param": "from", "to_param": "to", "hours": 24 * 400},
            incremental={"field": "updated", "overlap_minutes": 0, "start": "2026-01-05T00:00:00+08:00"},
        )  # fmt: skip
        assert api.asked[0] == {"from": "2026-01-04T16:00:00Z", "to": api.asked[0]["to"]}
        before = len(api.asked)
        sent = run(
            manifest, api, tmp_path / "days", sent,
            paging={"kind": "window", "from_param": "from", "to_param": "to", "hours": 24 * 30},
            incremental={"field": "updated", "overlap_minutes": 60, "start": "2026-01-05T00:00:00+08:00"},
        )  # fmt: skip
    assert refs(sent) == [f"N-{n}" for n in range(5)] * 2
    assert len(api.asked) > before


def test_an_interrupted_sweep_goes_on_where_it_was_and_asks_anew_if_its_page_is_gone(
    manifest: Manifest, tmp_path: Path
) -> None:
    with serving(Api([row(n, TIMES[n]) for n in range(9)], "cursor")) as api:
        with pytest.raises(KilledError):
            run(manifest, api, tmp_path, MemoryPublisher(die_at=7))
        api.asked.clear()
        assert refs(run(manifest, api, tmp_path)) == ["N-6", "N-7", "N-8"]
        assert api.asked[0]["cursor"] == "6"
        with pytest.raises(KilledError):
            run(manifest, api, tmp_path / "gone", MemoryPublisher(die_at=7))
        api.stumbles = [refusing(400)]
        assert refs(run(manifest, api, tmp_path / "gone")) == [f"N-{n}" for n in range(9)]


@pytest.mark.parametrize(
    ("stumble", "error"),
    [
        (refusing(401), AuthError),
        (refusing(403), AuthError),
        (refusing(404), ConfigurationError),
        (refusing(400), ConfigurationError),
        (refusing(302, Location="http://elsewhere/"), ConfigurationError),
        (refusing(410), PermanentError),
        (refusing(500), TransientError),
        (refusing(200), ConfigurationError),
    ],
)
def test_check_tells_apart_what_is_wrong_and_quotes_nothing(
    stumble: Stumble, error: type[Exception], manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_BY_TEST", "s3cr3t-by-test")
    with serving(Api([row(1, TIMES[1])], "page")) as api:
        api.stumbles = [stumble]
        source, _ = source_of(manifest, api, auth={"kind": "query", "name": "key", "value": "env:KEY_BY_TEST"})
        with pytest.raises(error) as caught:
            source.check()
        assert "s3cr3t" not in str(caught.value) + repr(source.config)
        assert "Li Lei" not in str(caught.value)
        assert source.check() == "GET /requests answers with 1 items"


def test_nobody_there_is_transient(manifest: Manifest) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        api = Api([])
        api.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(TransientError, match="cannot be reached"):
            source_of(manifest, api)[0].check()


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"kind": "bearer", "token": "env:KEY_BY_TEST"}, {"authorization": "Bearer s3cr3t-by-test"}),
        (
            {"kind": "basic", "user": "hub", "password": "env:KEY_BY_TEST"},
            {"authorization": "Basic aHViOnMzY3IzdC1ieS10ZXN0"},
        ),
        ({"kind": "header", "name": "X-Key", "value": "env:KEY_BY_TEST"}, {"x-key": "s3cr3t-by-test"}),
    ],
)
def test_credentials(
    auth: dict[str, str], header: dict[str, str], manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_BY_TEST", "s3cr3t-by-test")
    with serving(Api([row(1, TIMES[1])], "page")) as api:
        source_of(manifest, api, auth=auth)[0].check()
    assert header.items() <= api.headers[0].items()


def test_no_secret_stands_in_logs_or_positions(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("KEY_BY_TEST", "echoed")
    with caplog.at_level(logging.INFO), serving(Api([row(n, TIMES[n]) for n in range(9)], "link")) as api:
        with pytest.raises(KilledError):
            run(
                manifest,
                api,
                tmp_path,
                MemoryPublisher(die_at=7),
                auth={"kind": "query", "name": "key", "value": "env:KEY_BY_TEST"},
            )
        position = (tmp_path / "p.json").read_text("utf-8")
        run(manifest, api, tmp_path, auth={"kind": "query", "name": "key", "value": "env:KEY_BY_TEST"})
    assert '"token":"/requests?cursor=6"' in position
    assert "echoed" not in position + caplog.text
    assert all(asked["key"] == "echoed" for asked in api.asked)


@pytest.mark.parametrize("stumble", [refusing(500), refusing(404), hanging_up])
def test_the_address_of_the_next_page_is_not_quoted(manifest: Manifest, stumble: Stumble) -> None:
    api = Api([row(n, TIMES[n]) for n in range(9)], "cursor")
    with serving(api):
        then = "/requests/after/13800138000"
        api.answer = lambda query: ({"data": {"requests": api.rows[:3]}, "next": then}, {})  # type: ignore[method-assign]
        source, _ = source_of(manifest, api, paging={"kind": "link", "where": "next"})
        source.connect(None)
        source.read(0)
        api.stumbles = [stumble]
        with pytest.raises((TransientError, ConfigurationError), match=r"^GET /requests page 2") as raised:
            source.read(0)
        source.close()
    assert "13800138000" not in str(raised.value)


@pytest.mark.parametrize(("kind", "said"), [("link", "another system, or nowhere"), ("cursor", "half a character")])
def test_the_next_page_is_not_asked_for_by_half_a_character(
    kind: str, said: str, manifest: Manifest, tmp_path: Path
) -> None:
    api = Api([row(n, TIMES[n]) for n in range(9)], "cursor")
    with serving(api):
        api.answer = lambda query: ({"data": {"requests": api.rows[:3]}, "next": "/\ud800"}, {})  # type: ignore[method-assign]
        with pytest.raises(ConfigurationError, match=said):
            run(manifest, api, tmp_path, paging={"kind": kind, "where": "next"})


@pytest.mark.parametrize("nowhere", ["", "http://[", "//[::1", "mailto:x"])
def test_the_next_page_is_not_asked_of_another_system(manifest: Manifest, tmp_path: Path, nowhere: str) -> None:
    api = Api([row(n, TIMES[n]) for n in range(9)], "cursor")
    with serving(api), serving(Api([])) as other:
        then = nowhere or f"{other.url}/requests"
        api.answer = lambda query: ({"data": {"requests": api.rows[:3]}, "next": then}, {})  # type: ignore[method-assign]
        with pytest.raises(ConfigurationError, match="another system"):
            run(manifest, api, tmp_path, paging={"kind": "link", "where": "next"})
        assert not other.asked


def test_a_parameter_that_the_system_does_not_know_is_no_endless_list(manifest: Manifest, tmp_path: Path) -> None:
    with serving(Api([row(n, TIMES[n]) for n in range(9)], "page")) as api:
        with pytest.raises(FatalError, match="look at the parameters under `paging`"):
            run(manifest, api, tmp_path, paging={"kind": "page", "param": "pgae"})
        assert len(api.asked) < 9


def test_a_system_that_ends_with_its_last_page_again_and_again(manifest: Manifest, tmp_path: Path) -> None:
    api = Api([row(n, TIMES[n]) for n in range(9)], "page")
    with serving(api):
        answer = api.answer
        api.answer = lambda query: answer({**query, "page": str(min(3, int(query["page"])))})  # type: ignore[method-assign]
        sent = run(manifest, api, tmp_path)
    assert refs(sent) == [f"N-{n}" for n in range(9)]


def test_one_item_that_cannot_be_used_is_a_letter_without_what_is_personal(manifest: Manifest, tmp_path: Path) -> None:
    rows: list[Any] = [row(0, TIMES[0]), ["Li Lei"], row(1, TIMES[1], time="soon"), row(2, TIMES[2])]
    with serving(Api(rows, "page", size=10)) as api:
        api._asked_for = lambda query: rows  # type: ignore[method-assign]
        sent = run(manifest, api, tmp_path)
    assert refs(sent) == ["N-0", "N-2"]
    assert [(letter.file, letter.line) for letter in sent.letters] == [
        ("GET /requests page 1", 2),
        ("GET /requests page 1", 3),
    ]
    assert not [letter for letter in sent.letters if b"Li Lei" in (letter.value or b"")]
    assert json.loads(sent.letters[1].value or b"")["time"] == "soon"


def test_a_budget_is_kept(manifest: Manifest) -> None:
    with serving(Api([row(n, TIMES[n]) for n in range(9)], "page")) as api:
        source, _ = source_of(manifest, api, calls_per_minute=1)
        source.connect(None)
        assert source.read(1).items
        waited = source.read(1)
        assert not waited.items
        assert 0 < waited.wait_seconds <= 60
        assert len(api.asked) == 1
        source.close()


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    now = 1_767_672_000_000
    assert retry_after("120") == 120
    assert retry_after("Tue, 06 Jan 2026 04:02:00 GMT", lambda: now) == 120
    assert retry_after("Tue, 06 Jan 2026 03:00:00 GMT", lambda: now) == 0
    assert [retry_after(each) for each in (None, "", "soon", "-5", "١٢")] == [None] * 5


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"base_url": "https://user:s3cr3t@host"}, "under auth"),
        ({"base_url": "ftp://host"}, "scheme and host"),
        ({"auth": {"kind": "bearer", "token": "s3cr3t"}}, "env:NAME"),
        ({"paging": {"kind": "window"}}, "the first window begins there"),
        ({"pageing": 1}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused_unseen(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        HttpConfig.model_validate({"base_url": "https://host", **more})
    assert "s3cr3t" not in str(caught.value)

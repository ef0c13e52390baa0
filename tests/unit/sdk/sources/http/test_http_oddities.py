"""Lists over HTTP that go in circles, never end, are packed wrongly, hold fewer than asked for or no time; and pages for people."""

from __future__ import annotations

import gzip
import http.server
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.errors import FatalError
from hub.sdk.contract import Context
from hub.sdk.errors import ConfigurationError, TransientError
from hub.sdk.manifest import Manifest
from hub.sdk.sources.http.config import HttpConfig
from hub.sdk.sources.http.paging import next_of_header
from hub.sdk.sources.http.source import HttpSource
from tests.unit.sdk.sources.http.api import Api, row, serving
from tests.unit.sdk.sources.http.running import SINCE, TIMES, refs, run, source_of

pytestmark = pytest.mark.process

Answer = Callable[[dict[str, str]], tuple[Any, dict[str, str]]]
CURSOR = {"kind": "cursor", "where": "next"}


def answering(api: Api, answer: Answer) -> None:
    api.answer = answer  # type: ignore[method-assign]


def sent_as(encoding: str, body: bytes) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def stumble(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if encoding:
            handler.send_header("Content-Encoding", encoding)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return stumble


def test_tokens_that_go_in_a_circle_end_the_edge_and_name_paging(manifest: Manifest, tmp_path: Path) -> None:
    rows = {"": "a", "a": "b", "b": "c", "c": "a"}
    with serving(Api([], "cursor")) as api:
        numbers = {token: number for number, token in enumerate(rows)}

        def circle(query: dict[str, str]) -> tuple[Any, dict[str, str]]:
            token = query.get("cursor", "")
            return {"data": {"requests": [row(numbers[token], TIMES[1])]}, "next": rows[token]}, {}

        answering(api, circle)
        with pytest.raises(
            FatalError, match="was read in this sweep, time and again; look at the parameters under `paging`"
        ):
            run(manifest, api, tmp_path)
        assert len(api.asked) < 20


@pytest.mark.parametrize("items", [[], [row(1, TIMES[1])]], ids=["empty", "the same"])
def test_pages_without_end_and_without_anything_new_end_the_edge(
    items: list[Any], manifest: Manifest, tmp_path: Path
) -> None:
    with serving(Api([], "cursor")) as api:
        answering(
            api,
            lambda query: ({"data": {"requests": items * (len(api.asked) % 2 + 1)}, "next": str(len(api.asked))}, {}),
        )
        with pytest.raises(FatalError, match="pages in a row hold nothing that was not read in this sweep"):
            run(manifest, api, tmp_path)
        assert len(api.asked) < 150


@pytest.mark.parametrize("paging", ["page", "offset"])
def test_a_system_that_gives_fewer_than_it_is_asked_for_is_read_to_its_end(
    paging: str, manifest: Manifest, tmp_path: Path
) -> None:
    rows = [row(n, TIMES[n]) for n in range(10)]
    with serving(Api(rows, paging)) as api:

        def capped(query: dict[str, str]) -> tuple[Any, dict[str, str]]:
            at = int(query["offset"]) if paging == "offset" else (int(query["page"]) - 1) * 4
            return {"data": {"requests": rows[at : at + 4]}}, {}

        answering(api, capped)
        more = {"size_param": "limit"} if paging == "page" else {}
        sent = run(manifest, api, tmp_path, paging={"kind": paging, "size": 1000, **more})
    assert refs(sent) == [f"N-{n}" for n in range(10)]


def test_an_answer_that_is_packed_wrongly_passes(manifest: Manifest, tmp_path: Path) -> None:
    with serving(Api([row(n, TIMES[n]) for n in range(4)], "page")) as api:
        api.stumbles = [sent_as("gzip", b"<html>gateway</html>"), None, sent_as("gzip", gzip.compress(b"[" * 99)[:-20])]
        assert refs(run(manifest, api, tmp_path)) == [f"N-{n}" for n in range(4)]


def test_a_bomb_is_refused_before_it_is_whole(manifest: Manifest) -> None:
    bomb = gzip.compress(gzip.compress(bytes(200_000_000), 9), 9)
    with serving(Api([], "page")) as api:
        api.stumbles = [sent_as("gzip, gzip", bomb)]
        source, _ = source_of(manifest, api, max_body_bytes=100_000)
        with pytest.raises(ConfigurationError, match="more than 100,000 bytes"):
            source.check()


def test_a_number_that_is_none_spoils_no_other_item(manifest: Manifest, tmp_path: Path) -> None:
    """As servers in Python write a missing coordinate."""
    with serving(Api([row(0, TIMES[0], lat=float("nan")), row(1, TIMES[1], lat=float("-inf"))], "page")) as api:
        sent = run(manifest, api, tmp_path)
    assert refs(sent) == ["N-0", "N-1"]
    assert [event.place.lat for event in sent.events] == [None, None]


def test_a_page_for_people_is_told_from_half_an_answer(manifest: Manifest) -> None:
    with serving(Api([], "page")) as api:
        api.stumbles = [sent_as("", b"\n<!DOCTYPE html><title>Sign in, Li Lei</title>")]
        source, _ = source_of(manifest, api)
        with pytest.raises(TransientError, match=r"is a page .* of a gateway or a login") as caught:
            source.check()
        assert "Li Lei" not in str(caught.value)


def test_a_time_that_no_item_has_is_said_by_check_and_once_by_a_run(
    manifest: Manifest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Api([row(n, TIMES[n]) for n in range(7)], "page")) as api:
        source, _ = source_of(manifest, api, incremental=SINCE | {"formats": ("epoch_s",)})
        with pytest.raises(ConfigurationError, match="none has updated as a time of epoch_s"):
            source.check()
        said: list[str] = []
        source = HttpSource(source.config, Context(manifest.domain, say=said.append))
        source.connect(None)
        while not source.read(1.0).last:
            pass
        source.close()
    assert [text for text in said if "look at `incremental`" in text] == said
    assert len(said) == 1
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize("name", ["epoch", "dmy", "%Q", "%d.%m.%"])
def test_a_format_of_times_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"there is no format of times|is no strptime pattern"):
        HttpConfig.model_validate({"base_url": "http://h", "incremental": {"field": "at", "formats": [name]}})


def test_what_the_sweep_goes_by_is_no_drift(manifest: Manifest) -> None:
    with serving(Api([], "page")) as api:
        source, _ = source_of(manifest, api, incremental=SINCE)
        assert source.reads == {"updated"}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("header", ["<" * 60_000, "<a>;" * 15_000, "<>;rel" * 10_000, "<a>;" + " " * 60_000])
def test_a_header_of_links_costs_no_time(header: str) -> None:
    """To search each link again from each took minutes, of one answer."""
    assert next_of_header(header) == ""
    assert next_of_header(f'{header}, </b>; title="x"; REL = next') == "/b"

"""Behind a proxy: what it says of whom it calls for is believed, of nobody else, and links have its prefix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from hub.cli.main import cli
from hub.serving import PortLimits, Server
from tests.unit.web.front import MemoryWeb, memory_web

pytestmark = pytest.mark.process

_ASKED = {"source": "hotline", "ref": "H1"}


@contextmanager
def served(web: MemoryWeb, proxy: str | None = None, prefix: str = "") -> Iterator[httpx2.Client]:
    limits = PortLimits(16, 100.0, renewed=True, busy_seconds=100.0)
    with (
        Server(web.app, "127.0.0.1", 0, limits, "web", proxy, prefix) as server,
        httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client,
    ):
        yield client


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryWeb]:
    monkeypatch.setattr("hub.web.status._PER_SECOND", 1e-6)  # however long the test takes
    with memory_web(tmp_path) as web:
        yield web


def statuses(client: httpx2.Client, *callers: str) -> list[int]:
    return [client.get("/status", params=_ASKED, headers={"X-Forwarded-For": each}).status_code for each in callers]


def test_who_forges_his_address_waits_all_the_same(web: MemoryWeb) -> None:
    with served(web) as client:
        found = statuses(client, *(f"192.0.2.{number}" for number in range(40)))
    assert found == [404] * 30 + [429] * 10


def test_a_declared_proxy_says_who_calls_and_who_calls_adds_nothing(web: MemoryWeb) -> None:
    with served(web, "127.0.0.1") as client:
        assert statuses(client, *(f"192.0.2.{number}" for number in range(40))) == [404] * 40
        forged = [f"198.51.100.{number}, 192.0.2.200" for number in range(40)]
        assert statuses(client, *forged) == [404] * 30 + [429] * 10, (
            "what stands before the proxy's own word is the caller's"
        )


def test_links_have_the_proxys_scheme_and_prefix(web: MemoryWeb) -> None:
    asked = {"Host": "city.example", "X-Forwarded-Proto": "https"}
    with served(web, "127.0.0.1", "/city") as client:
        (endpoint,) = client.get("/open311/discovery.json", headers=asked).json()["endpoints"]
        assert endpoint["url"] == "https://city.example/city/open311/v2"
        assert client.get("/openapi.json").json()["servers"] == [{"url": "/city"}]
        assert "href='openapi.json'" in client.get("/").text
    with served(web) as client:
        (endpoint,) = client.get("/open311/discovery.json", headers=asked).json()["endpoints"]
        assert endpoint["url"] == "http://city.example/open311/v2"
        assert client.get("/openapi.json").json()["servers"] == [{"url": "/"}]


@pytest.mark.parametrize(
    "options",
    [["--proxy", "*"], ["--proxy", "proxy.example"], ["--prefix", "city"], ["--prefix", "/a b"], ["--prefix", "//x"]],
)
def test_what_is_no_proxy_or_prefix_is_said(options: list[str]) -> None:
    assert CliRunner().invoke(cli, ["web", *options]).exit_code == 2

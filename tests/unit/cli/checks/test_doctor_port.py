"""What `cityhub doctor` says of the worker's port."""

from __future__ import annotations

import time

import pytest

from hub.cli.checks import checkup
from hub.serving import Page, PageServer
from hub.settings import Settings

pytestmark = pytest.mark.process


def test_a_worker_that_is_slow_to_answer_is_no_stranger() -> None:
    """As on a machine that has other things to do: longer than whoever looks again and again waits for a page."""

    def late() -> Page:
        time.sleep(2.5)
        return Page(b'hub_ready{agent="route"} 1.0\n', "text/plain")

    with PageServer({"/metrics": late}, "127.0.0.1", 0) as server:
        found = checkup._port(Settings(web_port=server.port))
    assert (found.state, "a worker serves" in found.finding) == (checkup.OK, True)

"""A Chromium for the tests: in the user's cache (ops/checks/browser.py), or Debian's on the PATH."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

from hub.errors import FatalError
from ops.checks.browser import environment_of, find_axe, find_chromium
from tests.tools import lacks
from tests.waiting import PATIENCE_SECONDS


@contextmanager
def chromium() -> Iterator[Browser]:
    """One for all tests of a run. Where there is none to be had the test is skipped, in a sentence; in CI it fails."""
    try:
        program = find_chromium()
    except FatalError as error:
        lacks(str(error))
    expect.set_options(timeout=1000 * PATIENCE_SECONDS)  # its own is 5 s
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--headless=shell", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments, env=environment_of(program))
        try:
            yield browser
        finally:
            browser.close()


def axe_script() -> str:
    """What looks for obstacles on a page."""
    try:
        return find_axe().read_text("utf-8")
    except FatalError as error:
        lacks(str(error))

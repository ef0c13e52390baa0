"""How the wall does in a Chromium without a GPU while the ledger changes a thousand times a second: `python -m loadtests.board`.

A ledger of many cases is written straight into its tables, and changed as fast as asked by the ledger's own way of writing rows; a
browser has the wall open. Said at the end: times between frames, memory and by how much it grows in an hour, how late new cases
were on the wall, and whether its numbers were the ledger's once nothing changed any more.
"""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import Connection, insert, update
from sqlalchemy.engine import URL

from hub.clock import wall_ms
from hub.ledger.database import Database
from hub.ledger.store import LedgerStore
from hub.ledger.tables import CASES_TABLE, CHANGES_TABLE
from hub.millis import HOUR_MS, MINUTE_MS
from hub.policy import City, load_city
from hub.screen import say, say_json
from hub.serving import PortLimits, Server, app_of
from hub.settings import ROOT, Settings
from hub.web.access.accounts import Role, User
from hub.web.access.file import AccessFile
from hub.web.access.guard import COOKIE, Access
from hub.web.board.app import WallBoard
from hub.web.board.counts import counts_now
from hub.web.live_city import LiveCity
from ops.checks.browser import environment_of, find_chromium

_BATCH_SECONDS = 0.1
_NEW_FROM = 10_000_000
"""Numbers of cases that nobody changes."""
_MOST_SECONDS = 60.0
_FRAMES = """
window.frames_seen = new Uint32Array(5000); let before = performance.now();
const frame = (now) => {
  window.frames_seen[Math.min(4999, Math.floor(now - before))] += 1; before = now; requestAnimationFrame(frame);
};
requestAnimationFrame(frame);
"""
"""How many frames came so many ms after the one before: of one size, however long it is watched."""
_WARM_SHARE = 0.25
"""So much of a run is left out where it is asked how memory grows: until then caches fill."""


class _Front:
    """As much of a front as pages that only read look at."""

    def __init__(self, city: City, access: Access) -> None:
        self.live, self.access = LiveCity(city), access
        self.codec = self.intake = None

    @property
    def city(self) -> City:
        return self.live.city


def _case(drawn: random.Random, city: City, number: int, now_ms: int) -> dict[str, Any]:
    area = drawn.choice(city.areas)
    point = area.geometry.representative_point()
    late = drawn.random() < 0.05
    due_ms = now_ms - drawn.randrange(HOUR_MS) if late else now_ms + drawn.randrange(72 * HOUR_MS)
    return {
        "case_id": f"C-{number:08}", "state": "open", "department": drawn.choice(list(city.departments)), "area": area.code,
        "category": drawn.choice(list(city.categories)), "opened_at": now_ms - drawn.randrange(72 * HOUR_MS), "due_at": due_ms,
        "due_clock": "resolve", "overdue": late, "reports": 1, "lat": point.y + drawn.uniform(-0.01, 0.01),
        "lon": point.x + drawn.uniform(-0.01, 0.01), "address": f"Lantern Street {number % 900}",
    }  # fmt: skip


def _report(drawn: random.Random, number: int, at_ms: int) -> dict[str, Any]:
    source = drawn.choice(("hotline", "police", "citymgmt", "petition"))
    return {
        "case_id": f"C-{number:08}", "kafka_partition": 0, "kafka_offset": number, "change": "opened", "source": source,
        "ref": f"R-{number:09}", "revision": 0, "happened_at": at_ms, "written_at": at_ms,
    }  # fmt: skip


def _fill(connection: Connection, city: City, cases: int) -> None:
    drawn, now_ms = random.Random(1), wall_ms()
    for start in range(0, cases, 5_000):
        numbers = range(start, min(cases, start + 5_000))
        connection.execute(insert(CASES_TABLE), [_case(drawn, city, number, now_ms) for number in numbers])
        reports = [_report(drawn, number, now_ms - drawn.randrange(72 * 60) * MINUTE_MS) for number in numbers]
        connection.execute(insert(CHANGES_TABLE), reports)


class _Changes(threading.Thread):
    """So many rows a second: half are reports, half cases that become late or get more time."""

    def __init__(self, ledger: Database, cases: int, rate: int) -> None:
        super().__init__(daemon=True)
        self._ledger, self._cases, self._rate = ledger, cases, rate
        self._store, self.stopped, self.rows = LedgerStore(ledger), threading.Event(), 0

    def run(self) -> None:
        drawn, due = random.Random(2), time.monotonic()
        while not self.stopped.wait(max(0.0, due - time.monotonic())):
            due += _BATCH_SECONDS
            self._change(drawn, max(2, int(self._rate * _BATCH_SECONDS)))
            self._store.stand("ledger", wall_ms(), 0)

    def _change(self, drawn: random.Random, rows: int) -> None:
        now_ms = wall_ms()
        with self._ledger.transaction(writes=True) as connection:
            news = [_report(drawn, self._cases + self.rows + number, now_ms) for number in range(rows // 2)]
            connection.execute(insert(CHANGES_TABLE), news)
            for _ in range(rows - rows // 2):
                late = drawn.random() < 0.05
                due_ms = now_ms + drawn.randrange(-HOUR_MS if late else 0, 0 if late else 72 * HOUR_MS)
                case = f"C-{drawn.randrange(self._cases):08}"
                change = update(CASES_TABLE).where(CASES_TABLE.c.case_id == case)
                connection.execute(change.values(overdue=late, due_at=due_ms))
        self.rows += rows


class _Sample(NamedTuple):
    """Memory at one time: of the page's scripts, of the processes that draw, and of this process, which serves and changes the
    ledger as well; and how long a new case took to be on the wall."""

    seconds: float
    heap_mb: float
    drawing_mb: float
    serving_mb: float
    late_ms: float


def _watched(page: Page, url: str, seconds: float, every: float, late_ms: Callable[[], float]) -> dict[str, Any]:
    page.goto(f"{url}/board/wall?lang=zh")
    page.wait_for_selector("[data-number=open]")
    page.wait_for_timeout(3_000)
    page.evaluate(_FRAMES)
    began, was_stale = time.monotonic(), False
    samples: list[_Sample] = []
    while time.monotonic() - began < seconds:
        late = late_ms()
        passed = time.monotonic() - began
        samples.append(_Sample(passed, _heap_mb(page), _drawing_mb(), _rss_mb(os.getpid()), late))
        say(
            f"{passed:6.0f} s  heap {samples[-1].heap_mb} MB, drawing {samples[-1].drawing_mb} MB, late {late:.0f} ms",
            err=True,
        )
        page.wait_for_timeout(max(0.0, 1_000 * (every - (time.monotonic() - began - passed))))
        was_stale |= "is-stale" in (page.locator(".wall-screen").get_attribute("class") or "")
    return (
        _frame_figures(page.evaluate("Array.from(window.frames_seen)"))
        | _memory_figures(samples)
        | {"was_stale": was_stale}
    )


def _frame_figures(counts: Sequence[int]) -> dict[str, Any]:
    reached = np.cumsum(counts)
    at = {share: int(np.searchsorted(reached, share * reached[-1])) + 1 for share in (0.5, 0.95, 0.99)}
    return {"frames": int(reached[-1])} | {f"frame_p{round(100 * share)}_ms": ms for share, ms in at.items()}


def _memory_figures(samples: Sequence[_Sample]) -> dict[str, Any]:
    """Ends, the most there was, and by how much it grows in an hour once it is warm: the slope of the line through the samples."""
    figures: dict[str, Any] = {}
    warm = samples[int(len(samples) * _WARM_SHARE) :]
    for name in ("heap_mb", "drawing_mb", "serving_mb"):
        seen = [getattr(each, name) for each in samples]
        figures |= {name: seen[-1], f"{name}_most": max(seen)}
        if len(warm) > 2:
            slope = np.polyfit([each.seconds for each in warm], [getattr(each, name) for each in warm], 1)[0]
            figures[f"{name}_an_hour"] = round(float(slope) * 3_600, 1)
    late = sorted(each.late_ms for each in samples)
    return figures | {"late_p50_ms": round(late[len(late) // 2]), "late_most_ms": round(late[-1])}


def _drawing_mb() -> float:
    """Of all processes below this one that draw pages."""
    found = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" in (folder / "cmdline").read_bytes() and _is_ours(int(folder.name)):
                found += _rss_mb(int(folder.name))
        except OSError:
            continue  # it has ended
    return round(found, 1)


def _is_ours(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return False


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


class _NewCases:
    """Opens a case, and says how long it took until the wall counted it."""

    def __init__(self, page: Page, ledger: Database, city: City, cases: int) -> None:
        self._page, self._ledger, self._city, self._cases, self._drawn = page, ledger, city, cases, random.Random(3)

    def late_ms(self) -> float:
        """Raises TimeoutError of the browser's if it takes longer than a minute."""
        row = _case(self._drawn, self._city, _NEW_FROM + self._cases, wall_ms())
        self._cases += 1
        with self._ledger.transaction(writes=True) as connection:
            connection.execute(insert(CASES_TABLE), [row])
        began = time.monotonic()
        self._page.wait_for_function(
            "text => document.querySelector('[data-number=open]').textContent === text",
            arg=f"{self._cases:,}",
            timeout=1_000 * _MOST_SECONDS,
        )
        return 1_000 * (time.monotonic() - began)


def _heap_mb(page: Page) -> float:
    """What the page's scripts hold, after what they have let go is gone."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return round(float(metrics["JSHeapUsedSize"]) / 2**20, 1)


@click.command()
@click.option("--cases", default=50_000, show_default=True, help="Open cases of the ledger.")
@click.option("--rate", default=1_000, show_default=True, help="Rows that change, a second.")
@click.option(
    "--seconds", default=60.0, show_default=True, help="How long the wall is watched; 3600 for an hour of memory."
)
@click.option("--every", default=10.0, show_default=True, help="Seconds between two looks at memory and lateness.")
def main(cases: int, rate: int, seconds: float, every: float) -> None:
    """Measure the wall."""
    city = load_city(ROOT / "ops" / "cities" / "demo")
    with tempfile.TemporaryDirectory(prefix="cityhub-board-") as name:
        say_json(_measure(city, Path(name), cases, rate, seconds, every), indent=2)


def _measure(city: City, folder: Path, cases: int, rate: int, seconds: float, every: float) -> dict[str, Any]:
    ledger = Database(URL.create("sqlite", database=str(folder / "ledger" / "ledger.sqlite")))
    ledger.migrate()
    with ledger.transaction(writes=True) as connection:
        _fill(connection, city, cases)
    say(f"{cases:,} cases", err=True)
    access = Access(AccessFile(folder / "access.sqlite"))
    front: Any = _Front(city, access)
    board = WallBoard(Settings(state_dir=folder, web_port=9, city=city.folder), front)
    cookie = access.sessions.begin(User("wall", frozenset({Role.VIEWER})), "127.0.0.1", outside="a measurement")
    changes = _Changes(ledger, cases, rate)
    limits = PortLimits(100, 20.0, renewed=True, busy_seconds=3_600)
    with (
        board,
        Server(app_of(board.routes()), "127.0.0.1", 0, limits, "web") as server,
        sync_playwright() as playwright,
    ):
        url, program = f"http://127.0.0.1:{server.port}", find_chromium()
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--headless=shell", "--disable-gpu"],
            env=environment_of(program),
        )
        context = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
        context.add_cookies([{"name": COOKIE, "value": cookie, "url": url}])
        page = context.new_page()
        changes.start()
        began = time.monotonic()
        figures = _watched(page, url, seconds, every, _NewCases(page, ledger, city, cases).late_ms)
        changes.stopped.set()
        changes.join()
        figures["rows_a_second"] = round(changes.rows / (time.monotonic() - began))
        figures["equal_after_seconds"] = _seconds_to_equal(page, ledger, city.dispatch_desk)
        browser.close()
        board.end_streams()
    access.close()
    ledger.close()
    return {"cases": cases, "seconds": seconds} | figures


def _seconds_to_equal(page: Page, ledger: Database, desk: str) -> float | None:
    """After nothing changes any more; None if it took too long. What is due soon goes by the clock, and is left out."""
    with ledger.transaction() as connection:
        counts = counts_now(connection, wall_ms(), desk)
    wanted = {"overdue": f"{counts.overdue:,}", "unowned": f"{counts.unowned:,}"}
    began = time.monotonic()
    while time.monotonic() - began < _MOST_SECONDS:
        if {name: page.locator(f"[data-number={name}]").inner_text() for name in wanted} == wanted:
            return round(time.monotonic() - began, 1)
        page.wait_for_timeout(100)
    return None


if __name__ == "__main__":
    main()

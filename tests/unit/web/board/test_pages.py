"""The board's pages in a real Chromium: they stand in both languages without obstacles, and say what the ledger says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hub.millis import HOUR_MS
from hub.stream.kafka.record import KafkaRecord
from hub.web.access.accounts import Role
from hub.web.board.names import LANGUAGES, catalogue
from hub.web.board.shell import BoardPage
from tests.browser import axe_script, chromium
from tests.unit.web.board.city_days import BEGIN, ServedBoard, city_records
from tests.unit.web.front import pothole
from tests.waiting import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.process
_SIZES = {BoardPage.WALL: (1920, 1080), BoardPage.PHONE: (360, 760)}
_ROLES = {BoardPage.OPERATOR: (Role.OPERATOR,), BoardPage.LETTERS: (Role.OPERATOR,)}
_LOCALES = {"zh": "zh-CN", "en": "en-GB"}
_PATIENCE_MS = 1000 * PATIENCE_SECONDS


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def full(served: ServedBoard) -> ServedBoard:
    served.show(_until(10))
    served.stand()
    return served


def _until(hour: int) -> list[KafkaRecord]:
    return [each for each in city_records() if each.written_ms <= BEGIN + hour * HOUR_MS]


class Opened:
    """A page, and what it complained of."""

    def __init__(
        self, browser: Browser, board: ServedBoard, page: BoardPage, language: str = "zh", filters: str = "",
        department: str | None = None,
    ) -> None:  # fmt: skip
        width, height = _SIZES.get(page, (1440, 900))
        viewport = {"width": width, "height": height}
        self.context = browser.new_context(viewport=viewport, locale=_LOCALES[language], reduced_motion="reduce")  # type: ignore[arg-type]
        roles = (Role.DEPARTMENT,) if department else _ROLES.get(page, (Role.DISPATCHER,))
        cookie = board.web.logged_in(*roles, department=department)["Cookie"].partition("=")
        self.context.add_cookies([{"name": cookie[0], "value": cookie[2], "url": board.url}])
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(_PATIENCE_MS)
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.goto(f"{board.url}/{page}?lang={language}{filters}")
        self.page.wait_for_selector("html[data-ready] main h1")

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def obstacles(self) -> list[str]:
        """What axe finds that is serious."""
        self.page.evaluate(axe_script())
        found = self.page.evaluate("axe.run({resultTypes: ['violations']}).then(found => found.violations)")
        return [
            f"{each['id']}: {each['nodes'][0]['html'][:200]}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", list(BoardPage))
def test_each_page_stands_without_obstacles(
    browser: Browser, full: ServedBoard, page: BoardPage, language: str
) -> None:
    filters = "&department=roads" if page is BoardPage.PHONE else ""
    with Opened(browser, full, page, language, filters) as opened:
        ready = {
            BoardPage.WALL: "[data-number]",
            BoardPage.DESK: "table.cases tr td",
            BoardPage.PHONE: ".card",
            BoardPage.LETTERS: ".groups tbody tr",
        }
        opened.page.wait_for_selector(ready.get(page, ".tiles table"))
        assert opened.obstacles() == []
        assert opened.page.title().startswith(catalogue()[f"page.{page}"][language])
        assert _is_as_wide_as_the_screen(opened.page), "nobody has to scroll sideways"
        assert opened.complaints == []


def test_numbers_on_the_wall_are_the_ledgers_and_links_lead_to_the_cases(browser: Browser, full: ServedBoard) -> None:
    counts = full.counts()
    with Opened(browser, full, BoardPage.WALL) as opened:
        for name, value in counts._asdict().items():
            expect(opened.page.locator(f"[data-number={name}]")).to_have_text(f"{value:,}")
        for name, value in counts._asdict().items():
            opened.page.goto(f"{full.url}/wall?lang=zh")
            opened.page.locator(f"a.number.{name}").click()
            expect(opened.page.locator("[data-total]")).to_have_attribute("data-total", str(value))


def test_the_wall_follows_the_ledger_and_shows_when_it_is_old(browser: Browser, full: ServedBoard) -> None:
    with Opened(browser, full, BoardPage.WALL) as opened:
        number = opened.page.locator("[data-number=open]")
        number.wait_for()
        before = number.text_content()
        full.show(_until(11))
        expect(number).not_to_have_text(before or "")
        full.stand(age_ms=45_000)
        opened.page.wait_for_selector(".wall-screen.is-stale")
        full.stand()
        opened.page.wait_for_selector(".wall-screen:not(.is-stale)")


def test_a_case_tells_its_story(browser: Browser, full: ServedBoard) -> None:
    with Opened(browser, full, BoardPage.DESK, "en") as opened:
        opened.page.locator("table.cases tbody tr").first.click()
        story = opened.page.locator(".story")
        expect(story.locator(".timeline li").first).to_contain_text("case opened")
        expect(story.locator(".clock-row").first).to_contain_text("from")
        reminded = story.locator(".timeline li", has_text="reminder to").all_text_contents()
        assert reminded
        about = re.compile(" · ((accept|respond|resolve) (warned|overdue)|supervised|notified)$")
        assert all(map(about.search, reminded)), reminded
        assert opened.obstacles() == []
        opened.page.locator("input[type=search]").fill("nowhere at all")
        expect(opened.page.locator("[data-total]")).to_have_attribute("data-total", "0")
        assert opened.complaints == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_long_name_of_a_unit_stays_on_a_phone(browser: Browser, with_units: ServedBoard, language: str) -> None:
    with_units.web.hub.publish(pothole("H-1", place={"code": "LT01"}))
    with_units.settle()
    with Opened(browser, with_units, BoardPage.PHONE, language, department="roads") as opened:
        unit = {"zh": "市政道路北片区养护管理大队", "en": "Northern maintenance brigade of the municipal roads"}[
            language
        ]
        expect(opened.page.locator(".card")).to_contain_text(unit, timeout=_PATIENCE_MS)
        chosen = opened.page.locator(".phone-head select")
        assert chosen.evaluate("each => each.getBoundingClientRect().right <= innerWidth")
        chosen.select_option("road_north")
        expect(opened.page.locator(".card")).not_to_contain_text(unit, timeout=_PATIENCE_MS)
        assert _is_as_wide_as_the_screen(opened.page)
        assert opened.obstacles() == []
        assert opened.complaints == []


def test_the_desk_names_the_unit_that_has_a_case_and_who_helps(browser: Browser, with_units: ServedBoard) -> None:
    with_units.web.hub.publish(
        pothole("H-1", place={"code": "LT01"}), pothole("H-2", category="order.building", urgency="URGENT")
    )
    with_units.settle()
    helpers = "协办：住房和城乡建设局（城市更新办公室）、公安警务协助"
    with Opened(browser, with_units, BoardPage.DESK) as opened:
        for text in ("市政道路北片区养护管理大队", helpers):
            row = opened.page.locator("table.cases tbody tr", has_text=text)
            row.click()
            expect(opened.page.locator(".story > .muted")).to_contain_text(text, timeout=_PATIENCE_MS)
            assert opened.obstacles() == []
        assert opened.complaints == []


def test_ten_of_the_wall_fit_however_long_names_are(browser: Browser, with_units: ServedBoard) -> None:
    address = "1000 The Long Embankment of the Northern Harbour 北港长堤路一千号院内西侧"
    with_units.web.hub.publish(
        *(
            pothole(f"{category}-{area}", category=category, place={"code": f"LT0{area}", "address": address})
            for area in range(1, 6)
            for category in ("housing.property", "housing.unsafe")
        )
    )
    with_units.settle()
    with Opened(browser, with_units, BoardPage.WALL) as opened:
        opened.page.wait_for_selector(".next tbody tr:nth-child(10) a")
        low = "each => each.lastElementChild.getBoundingClientRect().bottom - each.getBoundingClientRect().bottom"
        assert opened.page.locator(".next").evaluate(low) <= 0, "the tenth is not cut"


def _is_as_wide_as_the_screen(page: Page) -> bool:
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return bool(wide <= seen)


def test_the_desk_reminds_of_many_cases_and_sees_what_becomes_of_it(browser: Browser, fresh: ServedBoard) -> None:
    fresh.web.hub.publish(*(pothole(f"H-{number}", place={"code": f"LT0{number}"}) for number in range(1, 4)))
    fresh.settle()
    with Opened(browser, fresh, BoardPage.DESK) as opened:
        opened.page.locator(".list-head button").click()
        bar = opened.page.locator(".act-bar")
        bar.locator("select[name=event]").select_option("reminded")
        assert opened.obstacles() == []
        bar.locator("button.main").click()
        topic = fresh.web.hub.broker
        wait_for(lambda: len(topic.records("dept.dispatch_desk.updates")) == 3, "the updates are on the topic")
        fresh.settle()
        expect(opened.page.locator(".notice.done")).to_contain_text("3")
        assert opened.complaints == []


def test_an_operator_mends_a_letter_and_sends_it(browser: Browser, fresh: ServedBoard) -> None:
    hub = fresh.web.hub
    hub.send("city.hotline.events", b"H-1", hub.codec.encode_one("cityhub.CaseEvent", too_long_a_category()))
    fresh.settle()
    with Opened(browser, fresh, BoardPage.LETTERS, "en") as opened:
        opened.page.locator(".columns table.cases td a").click()
        record = opened.page.locator(".letter textarea")
        expect(record).to_have_value(re.compile('"H-1"'))
        record.fill(record.input_value().replace("x" * 300, "road.pothole"))
        opened.page.get_by_role("button", name="Check it").click()
        expect(opened.page.locator(".letter .diff .plus")).to_contain_text("road.pothole")
        assert opened.obstacles() == []
        opened.page.locator(".letter button.main").click()
        expect(opened.page.locator(".letter .timeline")).to_contain_text("changed: category")
        fresh.settle()
        assert len(hub.broker.records("hub.dead")) == 1, "it was taken"
        opened.page.locator("select[name=state]").select_option("sent")
        opened.page.locator("input[type=checkbox]").first.check()
        bar = opened.page.locator(".act-bar")
        bar.locator("select[name=what]").select_option("close")
        bar.locator("input[name=why]").fill("mended")
        assert opened.obstacles() == []
        bar.locator("button.main").click()
        expect(opened.page.locator(".notice.done")).to_have_text("Done for 1")
        assert opened.complaints == []


def too_long_a_category() -> dict[str, Any]:
    return pothole("H-1").to_avro() | {"category": "x" * 300}


def test_a_department_accepts_in_two_taps(browser: Browser, fresh: ServedBoard) -> None:
    fresh.web.hub.publish(pothole("H-1", place={"code": "LT01"}))
    fresh.settle()
    with Opened(browser, fresh, BoardPage.PHONE, "en", department="roads") as opened:
        opened.page.locator(".card button.main").click()
        opened.page.locator(".card button.main").click()
        topic = fresh.web.hub.broker
        wait_for(lambda: len(topic.records("dept.roads.updates")) == 1, "the update is on the topic")
        fresh.settle()
        expect(opened.page.locator(".card .muted")).to_contain_text("accepted")
        assert opened.complaints == []

"""`cityhub bulletin`: whole pages and sheets in both languages, of the right day, on time, and nobody in them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import lxml.html
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.bulletin.charts import bar_chart
from hub.cli.bulletin.command import make
from hub.cli.bulletin.days import KEPT_DAYS, DueBulletin, due_bulletins, next_morning, yesterdays
from hub.cli.bulletin.page import COLUMNS, SHEET, TILES, bulletin_texts, period_said
from hub.cli.main import cli
from hub.ledger.database import Database
from hub.ledger.store import LedgerStore
from hub.ledger.tables import METADATA
from hub.settings import Settings
from tests.unit.ledger.conftest import sqlite_ledger
from tests.unit.ledger.made_up import NOON, put, records

ZONE = ZoneInfo("Asia/Shanghai")
DAY = "2026-03-02"
Run = Callable[..., Result]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    path = tmp_path / "state" / "ledger" / "ledger.sqlite"
    path.parent.mkdir(parents=True)
    database = sqlite_ledger(path)
    put(LedgerStore(database), records())
    monkeypatch.setenv("CITYHUB_STATE_DIR", str(tmp_path / "state"))
    return database


def typed(*argv: object) -> Result:
    result = CliRunner().invoke(cli, ["bulletin", *map(str, argv)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def page_of(folder: Path, name: str = DAY) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring((folder / f"bulletin-{name}.html").read_bytes())


def rows_of(folder: Path, name: str = DAY) -> list[list[str]]:
    with (folder / f"bulletin-{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(
    ("language", "title", "department"), [("zh", "每日通报", "供水"), ("en", "Daily bulletin", "Water")]
)
def test_a_day_in_either_language(ledger: Database, tmp_path: Path, language: str, title: str, department: str) -> None:
    typed("--day", DAY, "--out", tmp_path, "--language", language)
    page = page_of(tmp_path)
    assert title in page.findtext(".//h1")
    tiles = dict(zip(TILES, page.xpath("//dl/div/dd/text()"), strict=True))
    assert (tiles["opened"], tiles["ended"], tiles["in_time_share"], tiles["open"]) == ("9", "1", "100.0%", "7")
    assert len(page.xpath("//table")) == 3
    assert department in page.text_content()
    assert (
        not re.search("[㐀-鿿]", page.findtext(".//h1").replace(page.findtext(".//h1").split()[0], ""))
        or language == "zh"
    )


def test_the_sheet_has_the_numbers_of_the_page_and_adds_up(ledger: Database, tmp_path: Path) -> None:
    typed("--day", DAY, "--out", tmp_path)
    head, total, *rest = rows_of(tmp_path)
    assert len(head) == 3 + len(SHEET)
    opened = 3 + SHEET.index("opened")
    for dimension in {row[0] for row in rest}:
        assert sum(int(row[opened]) for row in rest if row[0] == dimension) == int(total[opened]) == 9
    shown = page_of(tmp_path).xpath("//tbody/tr[1]/td[1]/text()")
    assert shown == ["9", "9", "9"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", "立案 9 件，办结 1 件，按期办结率 100.0%；期末在办 7 件，其中超时 "),
        ("en", "9 cases opened, 1 ended, 100.0% of the timed in time; 7 open at the end, "),
    ],
)
def test_the_figures_stand_in_a_sentence_and_beside_those_of_before(
    ledger: Database, tmp_path: Path, language: str, said: str
) -> None:
    typed("--day", DAY, "--out", tmp_path, "--language", language)
    page = page_of(tmp_path)
    (lead,) = page.xpath("//p[@class='lead']/text()")
    assert lead.startswith(said)
    before = dict(zip(TILES, page.xpath("//dl/div/dd/small/text()"), strict=True))
    assert before["opened"].endswith(" 0 (+9)")
    assert before["in_time_share"].endswith(" –")  # nothing had ended


@pytest.mark.parametrize(
    ("kind", "language", "said"),
    [
        ("day", "zh", "2026年11月28日 星期六"), ("day", "en", "Saturday, 28 November 2026"),
        ("month", "zh", "2026年11月"), ("month", "en", "November 2026"),
    ],
)  # fmt: skip
def test_a_period_as_a_heading_has_it(kind: str, language: str, said: str) -> None:
    assert period_said(datetime(2026, 11, 28, tzinfo=ZONE), kind, language) == said


def test_a_month_has_its_days_in_the_chart(ledger: Database, tmp_path: Path) -> None:
    typed("--month", "2026-03", "--out", tmp_path, "--language", "en")
    page = page_of(tmp_path, "2026-03")
    assert "Monthly figures" in page.findtext(".//h1")
    assert len(page.xpath("//svg[@role='img']/rect")) == 62


def test_it_says_when_the_ledger_is_not_level_with_the_end(ledger: Database, tmp_path: Path) -> None:
    result = typed("--day", DAY, "--out", tmp_path)
    assert "not been level" in result.stderr
    assert page_of(tmp_path).xpath("//p[@role='alert']")
    LedgerStore(ledger).stand("test", NOON + 40 * 86_400_000, 0)
    assert typed("--day", DAY, "--out", tmp_path).stderr == ""
    assert not page_of(tmp_path).xpath("//p[@role='alert']")


def test_nobody_and_no_case_is_in_it(ledger: Database, tmp_path: Path) -> None:
    """Neither words nor addresses, references or ids of cases."""
    typed("--day", DAY, "--out", tmp_path)
    typed("--month", "2026-03", "--out", tmp_path)
    for path in tmp_path.glob("bulletin-*"):
        text = path.read_text("utf-8")
        assert not re.search(r"Lantern|Pump Lane|Example|Sample|\bH-\d|\bP-\d|\bC-[A-Z2-7]{8}", text), path


def test_what_codes_are_is_escaped(ledger: Database, tmp_path: Path) -> None:
    with ledger.transaction(writes=True) as connection:
        connection.execute(METADATA.tables["cases"].update().values(area="<script>alert(1)</script>", category="=1+1"))
    typed("--day", DAY, "--out", tmp_path)
    page = page_of(tmp_path)
    assert page.xpath("//script") == []
    assert "<script>alert(1)</script>" in page.text_content()
    assert [row[1] for row in rows_of(tmp_path) if row[0] == "类别"] == ["'=1+1"]


def test_the_page_is_whole_by_itself(ledger: Database, tmp_path: Path) -> None:
    typed("--day", DAY, "--out", tmp_path)
    text = (tmp_path / f"bulletin-{DAY}.html").read_text("utf-8")
    assert not re.search(r"(?:src|href)=|@import|url\((?!#)|https?:", text)
    assert "@media print" in text


def test_every_text_is_there_in_both_languages_and_used() -> None:
    page = Path(make.__code__.co_filename).with_name("page.html").read_text("utf-8")
    keys = set(bulletin_texts())
    for key, text in bulletin_texts().items():
        assert set(text) == {"zh", "en"}, key
        assert re.search("[㐀-鿿]", text["zh"]), key
        assert not re.search("[㐀-鿿]", text["en"]), key
    used = (
        set(re.findall(r"text\.(\w+)", page))
        | set(re.findall(r"text\['([\w.]+)'\]", page))
        | {*TILES, *COLUMNS, *SHEET}
    )
    used |= {f"{begin}.{end}" for begin in ("title", "chart", "before") for end in ("day", "month")}
    used |= {f"by.{each}" for each in ("department", "area", "category")} | {"department", "area", "category", "total"}
    assert keys == used | {"dimension", "code", "name", "lead", "lead.worst", "lead.one", "points"}


def test_what_has_not_begun_is_refused(ledger: Database, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["bulletin", "--day", "2999-01-01", "--out", str(tmp_path)])
    assert "has not begun" in str(result.exception)


def test_a_folder_that_takes_nothing_is_said(ledger: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(cli, ["bulletin", "--day", DAY, "--out", str(tmp_path / "file" / "folder")])
    assert "does not take" in str(result.exception)


mornings = st.integers(1_767_200_000, 1_798_700_000).map(lambda each: datetime.fromtimestamp(each, ZONE))
times = st.times().map(lambda each: each.replace(second=0, microsecond=0))


@given(mornings, times)
def test_each_day_and_month_is_due_once_it_is_over_and_time_has_come(now: datetime, at: time) -> None:
    found = list(due_bulletins(now, at))
    days = [each for each in found if each.kind == "day"]
    assert len(days) == KEPT_DAYS
    for each in found:
        assert each.period(ZONE).end_ms <= now.timestamp() * 1000
    begun = next_morning(now, at)
    assert now < begun
    assert begun.time() == at
    later = list(due_bulletins(begun, at))
    assert yesterdays(begun.date()) in later
    assert yesterdays(begun.date()) not in found
    assert set(later) - set(found) <= {
        yesterdays(begun.date()),
        DueBulletin("month", date(*_month_before(begun.date()), 1)),
    }


def _month_before(day: date) -> tuple[int, int]:
    return (day.year, day.month - 1) if day.month > 1 else (day.year - 1, 12)


def test_the_first_of_a_month_brings_the_month() -> None:
    found = list(due_bulletins(datetime(2026, 4, 1, 7, 30, tzinfo=ZONE), time(7, 30)))
    assert found[-2:] == [DueBulletin("day", date(2026, 3, 31)), DueBulletin("month", date(2026, 3, 1))]
    assert found[-1].before() == DueBulletin("month", date(2026, 2, 1))
    assert DueBulletin("day", date(2026, 3, 1)).before() == DueBulletin("day", date(2026, 2, 28))


counts = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=31)


@given(counts)
def test_bars_stand_in_the_drawing_and_in_proportion(pairs: list[tuple[int, int]]) -> None:
    opened, ended = ([pair[at] for pair in pairs] for at in (0, 1))
    chart = bar_chart([str(at) for at in range(len(pairs))], opened, ended)
    assert len(chart.bars) == 2 * len(pairs)
    highest = max(chart.bars, key=lambda each: each.value)
    for bar in chart.bars:
        assert bar.y >= 0
        assert bar.y + bar.height <= chart.height
        assert chart.left <= bar.x
        assert bar.x + bar.width <= chart.width
        assert bar.height * (highest.value or 1) == pytest.approx(
            highest.height * bar.value, abs=0.06 * (highest.value or 1) * 2
        )


def test_one_that_stays_makes_what_was_missed_once(
    ledger: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.cli.bulletin import command

    class EnoughError(Exception):
        """It waits for the next morning."""

    def wait(seconds: float) -> None:
        raise EnoughError

    LedgerStore(ledger).stand("test", NOON + 40 * 86_400_000, 0)
    monkeypatch.setattr(command.clock, "sleep", wait)
    monkeypatch.setattr(command, "_now", lambda city: datetime(2026, 3, 3, 8, 0, tzinfo=ZONE))
    monkeypatch.setattr(command.clock, "time", lambda: datetime(2026, 3, 3, 8, 0, tzinfo=ZONE).timestamp())
    settings = Settings.from_env()
    for _ in range(2):
        with pytest.raises(EnoughError):
            command._stay(settings, tmp_path / "out", "zh", time(7, 30))
    made = sorted(each.name for each in (tmp_path / "out").glob("*.html"))
    assert made[-1] == f"bulletin-{DAY}.html"
    assert len(made) == KEPT_DAYS + 1
    assert "bulletin-2026-02.html" in made
    (tmp_path / "out" / f"bulletin-{DAY}.html").unlink()
    with pytest.raises(EnoughError):
        command._stay(settings, tmp_path / "out", "zh", time(7, 30))
    assert (tmp_path / "out" / f"bulletin-{DAY}.html").exists()

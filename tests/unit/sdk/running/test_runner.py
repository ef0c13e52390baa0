"""Runs over invented files with a publisher in memory: cursors, merging, pacing, limits."""

import gzip
import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.cli.connector.command import connector
from hub.cli.connector.run import describe_run
from hub.errors import FatalError, Reason, RejectedRecordError
from hub.model.event import CaseEvent, EventKind
from hub.sdk.contract import Item
from hub.sdk.manifest import Manifest, discover, find_manifest
from hub.sdk.publishing.dead_letters import dead_letter
from hub.sdk.running.at_limit import Way
from hub.sdk.running.pacing import Anchor, Pace
from hub.sdk.running.runner import RunnerOptions, Summary, run_source
from hub.sdk.sources.file.join import Input
from hub.settings import Settings
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row
from hub.testing.source_suite import KilledError, MemoryPublisher

POLICE = find_manifest("police")
HOTLINE = find_manifest("hotline")


def run(
    folder: Path, *inputs: Input, publisher: MemoryPublisher | None = None, manifest: Manifest = POLICE, **more: object
) -> tuple[Summary, MemoryPublisher]:
    publisher = publisher or MemoryPublisher()
    options = RunnerOptions(**({"cursor_dir": folder / "cursors", "checkpoint_rows": 3, "stop": publisher.stop} | more))  # type: ignore[arg-type]
    return run_source(manifest, inputs, Settings(), options, publisher), publisher


def test_a_growing_file_is_read_on_from_the_cursor(tmp_path: Path) -> None:
    file = police_file(tmp_path / "calls.csv", 5)
    first, _ = run(tmp_path, Input(file=file))
    police_file(file, 9)
    second, published = run(tmp_path, Input(file=file))
    assert (first.rows, second.rows, second.rows_before) == (5, 4, 5)
    assert [event.reported_at for event in published.events] == [int(police_row(n)[4]) for n in range(5, 9)]


@pytest.mark.parametrize("change", ["replaced", "shorter"])
def test_a_replaced_or_shorter_file_is_read_from_the_start(
    change: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = police_file(tmp_path / "calls.csv", 60)
    run(tmp_path, Input(file=file))
    if change == "replaced":
        file.write_text(csv_text(POLICE_COLUMNS, [police_row(7)]), encoding="utf-8")
    else:
        police_file(file, 50)  # its first 4096 bytes are those of before
    summary, _ = run(tmp_path, Input(file=file))
    assert summary.rows_before == 0
    assert summary.rows == (1 if change == "replaced" else 50)
    assert "from the start" in caplog.text


def test_a_file_written_anew_with_the_same_beginning_is_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = police_file(tmp_path / "calls.csv", 60)
    run(tmp_path, Input(file=file))
    text = file.read_text("utf-8")
    file.write_text(text.replace("第5次", "第9次") + csv_text(police_row(60), []), encoding="utf-8")
    summary, _ = run(tmp_path, Input(file=file))
    assert (summary.rows_before, summary.rows) == (0, 61)
    assert "from the start" in caplog.text


def test_a_last_line_without_its_end_is_left_until_it_has_one(tmp_path: Path) -> None:
    file = police_file(tmp_path / "calls.csv", 3)
    whole = file.read_text("utf-8")
    for cut in (whole[:-40], whole[:-1]):
        file.write_text(cut, encoding="utf-8")
        folder = tmp_path / str(len(cut))
        first, sent = run(folder, Input(file=file))
        assert (first.published, first.rejected.total(), len(sent.letters)) == (2, 0, 0)
        assert "line 4" in describe_run(first, (file,))
        assert "--last-line-whole" in describe_run(first, (file,))
        file.write_text(whole, encoding="utf-8")
        second, again = run(folder, Input(file=file))
        assert [event.reported_at for event in again.events] == [int(police_row(2)[4])]
        assert second.unfinished is None


def test_a_last_line_counts_as_whole_where_it_is_said(tmp_path: Path) -> None:
    file = police_file(tmp_path / "calls.csv", 3)
    file.write_text(file.read_text("utf-8")[:-1], encoding="utf-8")
    summary, _ = run(tmp_path, Input(file=file), last_line_whole=True)
    assert (summary.published, summary.unfinished) == (3, None)
    assert run(tmp_path, Input(file=file), last_line_whole=True)[0].rows == 0
    packed = tmp_path / "calls.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert run(tmp_path / "packed", Input(file=packed))[0].published == 3, "its container says that it is whole"


def test_merged_files_wait_for_an_unfinished_last_line(tmp_path: Path) -> None:
    inputs = boston(tmp_path, [1, 2, 3], {1: 5, 2: 6, 3: 7})
    whole = inputs[0].file.read_text("utf-8")
    inputs[0].file.write_text(whole[:-1], encoding="utf-8")
    first, early = run(tmp_path, *inputs, manifest=HOTLINE)
    assert first.unfinished is not None
    inputs[0].file.write_text(whole, encoding="utf-8")
    _, late = run(tmp_path, *inputs, manifest=HOTLINE)
    _, undisturbed = run(tmp_path / "whole", *inputs, manifest=HOTLINE)
    assert early.events + late.events == undisturbed.events


def test_a_damaged_cursor_says_what_to_do(tmp_path: Path) -> None:
    file = police_file(tmp_path / "calls.csv", 1)
    run(tmp_path, Input(file=file))
    (cursor,) = (tmp_path / "cursors").glob("*.json")
    cursor.write_text("{")
    with pytest.raises(FatalError, match="delete it"):
        run(tmp_path, Input(file=file))


def test_two_hubs_have_two_cursors(tmp_path: Path) -> None:
    file = police_file(tmp_path / "calls.csv", 2)
    for namespace in ("a.", "b."):
        publisher = MemoryPublisher()
        run_source(POLICE, [Input(file=file)], Settings(namespace=namespace, state_dir=tmp_path), None, publisher)
        assert len(publisher.events) == 2


def _police_rows(folder: Path, bad: range, rows: int = 40) -> Path:
    """A file of which some rows cannot be used."""
    made = [police_row(n, BJSJ="soon") if n in bad else police_row(n) for n in range(rows)]
    (folder / "calls.csv").write_text(csv_text(POLICE_COLUMNS, made), encoding="utf-8")
    return folder / "calls.csv"


def test_too_many_rejects_stop_it_and_no_restart_sets_a_row_aside_again(tmp_path: Path) -> None:
    file, said = _police_rows(tmp_path, range(4, 30)), MemoryPublisher()
    for _ in range(3):
        with pytest.raises(FatalError, match=r"at its limit.*10 rows in a row.*calls.csv line 15.*--again.*--go-on"):
            run(tmp_path, Input(file=file), publisher=said, max_rejects_in_a_row=10, checkpoint_rows=1)
    assert [letter.line for letter in said.letters] == list(range(6, 16))
    assert len(said.events) == 4
    with pytest.raises(FatalError, match="at its limit"):  # with ten more
        run(tmp_path, Input(file=file), publisher=said, max_rejects_in_a_row=10, checkpoint_rows=1, at_limit=Way.GO_ON)
    summary, _ = run(
        tmp_path, Input(file=file), publisher=said, max_rejects_in_a_row=10, checkpoint_rows=1, at_limit=Way.GO_ON
    )
    assert [letter.line for letter in said.letters] == list(range(6, 32)), "each once"
    assert (summary.published, summary.rows_before) == (10, 24)
    assert run(tmp_path, Input(file=file), max_rejects_in_a_row=10)[0].rows == 0


@pytest.mark.parametrize("first", [0, 7])
def test_when_the_mapping_is_mended_the_rows_set_aside_are_read_again(tmp_path: Path, first: int) -> None:
    class Strict(MemoryPublisher):
        """As if a mapping made nothing of these rows."""

        def send(self, event: CaseEvent) -> None:
            if int(event.reported_at) >= int(police_row(first)[4]):
                raise RejectedRecordError(Reason.INVALID, "no good")
            super().send(event)

    file = police_file(tmp_path / "calls.csv", 30)
    with pytest.raises(FatalError, match="at its limit"):
        run(tmp_path, Input(file=file), publisher=Strict(), max_rejects_in_a_row=10)
    _, published = run(tmp_path, Input(file=file), max_rejects_in_a_row=10, at_limit=Way.AGAIN)
    times = [event.reported_at for event in published.events]
    assert times[-(30 - first) :] == [int(police_row(n)[4]) for n in range(first, 30)], "none is missed"
    assert len(times) <= 30
    assert not published.letters


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    for name, content in (("empty.csv", ""), ("header.csv", csv_text(POLICE_COLUMNS, []))):
        file = tmp_path / name
        file.write_text(content)
        summary, _ = run(tmp_path, Input(file=file))
        assert describe_run(summary, (file,)) == f"empty file: 0 rows ({name})"


def boston(tmp_path: Path, opened: list[int], closed: dict[int, int]) -> list[Input]:
    """Opened at minute n; number n closed at minute closed[n]."""
    header = [
        "CASE_ENQUIRY_ID", "OPEN_DT", "CASE_TITLE", "TYPE", "Source", "Location", "LOCATION_ZIPCODE", "Property_Type",
        "Property_ID", "LATITUDE", "LONGITUDE",
    ]  # fmt: skip
    events, truth = tmp_path / "events.csv", tmp_path / "truth.csv"
    clock = "2026-07-01 {:02d}:{:02d}:00"
    rows = [
        [str(n), clock.format(*divmod(n, 60)), "", "Pothole", "Self Service", "", "", "", "", "", ""] for n in opened
    ]
    events.write_text(csv_text(header, rows), encoding="utf-8")
    ends = [[str(n), "", clock.format(*divmod(closed[n], 60)) if n in closed else ""] for n in opened]
    truth.write_text(csv_text(("CASE_ENQUIRY_ID", "TARGET_DT", "CLOSED_DT"), ends), encoding="utf-8")
    return [Input(file=events, mapping="boston311"), Input(file=truth, mapping="boston311_closings", join=events)]


@settings(deadline=None, max_examples=25)
@given(
    opened=st.lists(st.integers(0, 600), unique=True, max_size=15),
    lasts=st.lists(st.one_of(st.none(), st.integers(0, 600)), min_size=15, max_size=15),
    data=st.data(),
)
def test_openings_and_closings_merge_by_time_and_resume(
    opened: list[int], lasts: list[int | None], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tmp_path = tmp_path_factory.mktemp("merge")
    opened.sort()
    closed = {n: n + last for n, last in zip(opened, lasts, strict=False) if last is not None}
    inputs = boston(tmp_path, opened, closed)
    summary, published = run(tmp_path / "whole", *inputs, manifest=HOTLINE)
    times = [event.reported_at for event in published.events]
    assert times == sorted(times)
    assert sum(event.kind is EventKind.OPENED for event in published.events) == len(opened)
    assert {int(event.source_ref) for event in published.events if event.kind is EventKind.CLOSED} == set(closed)
    assert summary.rows == 2 * len(opened)
    if published.events:
        at = data.draw(st.integers(1, len(published.events)))
        _, first = run(tmp_path / "parts", *inputs, manifest=HOTLINE, publisher=MemoryPublisher(stop_at=at))
        _, second = run(tmp_path / "parts", *inputs, manifest=HOTLINE)
        assert first.events + second.events == published.events


def test_a_required_second_file_is_asked_for(tmp_path: Path) -> None:
    _, closings = boston(tmp_path, [1], {1: 2})
    with pytest.raises(FatalError, match="--join FILE"):
        run(tmp_path, closings.model_copy(update={"join": None}), manifest=HOTLINE)
    with pytest.raises(FatalError, match="cannot be followed"):
        run(tmp_path, closings, manifest=HOTLINE, follow=True)


def test_pace_keeps_the_common_clock() -> None:
    now = [1000.0]
    pace = Pace(60.0, Anchor(0, 1000.0), now=lambda: now[0])
    assert pace.seconds_until(120_000) == pytest.approx(2.0)
    now[0] = 1001.5
    assert pace.seconds_until(120_000) == pytest.approx(0.5)
    assert pace.seconds_until(30_000) == 0.0
    alone = Pace(1.0, now=lambda: now[0])
    assert alone.seconds_until(5_000) == 0.0
    assert alone.seconds_until(6_000) == pytest.approx(1.0)
    assert Pace(None).seconds_until(10**15) == 0.0
    for bad in (0, -1, float("inf"), float("nan")):
        with pytest.raises(FatalError, match="--speed"):
            Pace(bad)
    assert Anchor.parse("2026-01-06T12:00:00+08:00=5.5") == Anchor(1_767_672_000_000, 5.5)
    with pytest.raises(FatalError, match="--anchor"):
        Anchor.parse("noon")


def test_waiting_ends_when_asked_to_stop() -> None:
    stop = threading.Event()
    calls: list[int] = []

    def meanwhile() -> None:
        calls.append(1)
        stop.set()

    assert not Pace(1.0, Anchor(0, 0.0), now=lambda: 0.0).wait(10**9, stop, meanwhile)
    assert calls == [1]


def test_a_dead_letter_keeps_the_row() -> None:
    why = RejectedRecordError(Reason.TOO_LARGE, "too large")
    whole = dead_letter("police", Item(None, "in.csv", 7, b"x" * 2_000_000), why)
    assert (whole.value, whole.line, whole.file, whole.stage) == (b"x" * 2_000_000, 7, "in.csv", "connector:police")


def test_an_event_the_publisher_refuses_is_set_aside(tmp_path: Path) -> None:
    class Refusing(MemoryPublisher):
        def send(self, event: CaseEvent) -> None:
            if event.source_ref == "JJ0001":
                raise RejectedRecordError(Reason.TOO_LARGE, "refused")
            super().send(event)

    summary, published = run(tmp_path, Input(file=police_file(tmp_path / "calls.csv", 3)), publisher=Refusing())
    assert (summary.published, summary.rejected) == (2, {Reason.TOO_LARGE: 1})
    assert b"JJ0001" in (published.letters[0].value or b"")


def test_the_cursor_never_runs_ahead_of_what_is_acknowledged(tmp_path: Path) -> None:
    class Deaf(MemoryPublisher):
        def flush(self) -> None:
            raise KilledError

    with pytest.raises(KilledError):
        run(tmp_path, Input(file=police_file(tmp_path / "calls.csv", 10)), publisher=Deaf())
    assert not list((tmp_path / "cursors").glob("*.json"))


# -- commands ------------------------------------------------------------------------------------------------------


def test_list_and_check_commands(tmp_path: Path) -> None:
    listed = json.loads(CliRunner().invoke(connector, ["list", "--json"]).stdout)
    assert set(listed) == set(discover())
    file = tmp_path / "calls.csv"
    file.write_text(csv_text(POLICE_COLUMNS, [police_row(1), police_row(2, BJSJ="soon")]), encoding="utf-8")
    result = CliRunner().invoke(connector, ["check", "police", "--file", str(file), "--json"])
    assert result.exit_code == 2
    report = json.loads(result.stdout)
    assert (report["rows"], report["events"], report["rejected"]) == (2, 1, {"bad_row": 1})
    shown = CliRunner().invoke(connector, ["check", "police", "--file", str(file)])
    assert "1 rejected" in shown.stdout
    assert "first at line 3" in shown.stdout


def test_check_says_how_a_file_is_read_and_what_is_odd_about_it(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    rows = [police_row(1), police_row(2, JD="39.9", WD="116.4"), police_row(3, JD="0", WD="0"), police_row(4)]
    file.write_bytes(csv_text(POLICE_COLUMNS, rows)[:-1].encode("utf-16"))
    report = json.loads(CliRunner().invoke(connector, ["check", "police", "--file", str(file), "--json"]).stdout)
    assert "utf-16" in report["read_as"]
    assert "delimiter ','" in report["read_as"]
    assert report["unfinished_line"] == 5
    assert report["points_unplaced"]["zero"] == 1
    shown = CliRunner().invoke(connector, ["check", "police", "--file", str(file)]).stdout
    assert "--last-line-whole" in shown
    assert "0/0 stands where there is no point" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "nobody"], "no connector 'nobody'; there are: citymgmt"),
        (["check", "police", "--mapping", "x"], "has no mapping 'x'"),
        (["run", "police", "--file", "a", "--file", "b", "--mapping", "demo"], "2 --file but 1 --mapping"),
        (["run", "police", "--file", "a", "--join", "b"], "only 0 of the mappings"),
        (["new", "Not-A-Name"], "lower-case"),
    ],
)
def test_commands_say_what_is_wrong_in_one_piece(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(connector, arguments)
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


def test_new_command(tmp_path: Path) -> None:
    result = CliRunner().invoke(connector, ["new", "new_by_test", "--into", str(tmp_path)])
    assert result.exit_code == 0
    assert (tmp_path / "new_by_test" / "manifest.yaml").is_file()
    again = CliRunner().invoke(connector, ["new", "new_by_test", "--into", str(tmp_path)])
    assert "is there already" in again.output

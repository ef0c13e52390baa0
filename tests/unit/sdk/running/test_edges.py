"""Edges of connectors.yaml in one process: each supervised by itself, its state seen, its position moved on purpose only."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY
from rich.cells import cell_len

from hub.cli.connector.command import connector
from hub.errors import FatalError
from hub.sdk.manifest import discover, find_manifest
from hub.sdk.running.edges import Edge, chosen, load_edges
from hub.sdk.running.runner import RunnerOptions
from hub.sdk.running.side_by_side import EdgesFileWatch, run_edges
from hub.sdk.running.status import Board, EdgeState, Status
from hub.sdk.scaffold.folder import scaffold
from hub.settings import Settings
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row
from hub.testing.source_suite import MemoryPublisher

_LIMIT_SECONDS = 120.0
SCRIPTED = '''
from hub.sdk.contract import Batch, Config, Item, Source
from hub.sdk.errors import AuthError, TransientError
from hub.sdk.secrets import Secret

ROW = dict(id="N-1", revision=0, action="new", time="2026/1/6 8:00:00", category="roads.pothole", title="t", text="", caller="Li")
STEPS: list[str] = []


class Scripted(Source):
    """Does what its script says, one word a read, over all runs of the process."""

    class Config(Config):
        script: str
        password: Secret

    def check(self):
        return "scripted"

    def connect(self, position):
        self.at = (position or {"n": 0})["n"]

    def read(self, timeout_seconds):
        words = self.config.script.split()
        if len(STEPS) >= len(words):
            return Batch(last=True)
        STEPS.append(word := words[len(STEPS)])
        if word == "away":
            raise TransientError("the system is away", wait_seconds=0.01)
        if word == "refused":
            raise AuthError("the system does not know this password")
        if word == "defect":
            raise KeyError(self.config.password)
        self.at += 1
        return Batch([Item({**ROW, "id": f"N-{self.at}"}, "scripted", self.at, unit="row")], {"n": self.at})

    def close(self):
        pass


SOURCE = Scripted
'''


class City:
    """A folder with connectors.yaml, and what its edges sent."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.file = folder / "connectors.yaml"
        self.settings = Settings(connectors=self.file, state_dir=folder / "state")
        self.sent: dict[str, MemoryPublisher] = {}
        self.stop = threading.Event()
        for name in ("connectors", "state_dir"):
            monkeypatch.setenv(f"CITYHUB_{name.upper()}", str(getattr(self.settings, name)))

    def write(self, text: str) -> None:
        self.file.write_text(text, "utf-8")

    def run(self, *names: str) -> None:
        edges = chosen(load_edges(self.settings), names)
        watch = EdgesFileWatch(self.file, lambda: load_edges(self.settings))
        options = RunnerOptions(stop=self.stop, checkpoint_rows=2)
        run_edges(edges.values(), self.settings, options, self.publisher, watch)

    def publisher(self, domain: str) -> MemoryPublisher:
        return self.sent.setdefault(domain, MemoryPublisher())

    def status(self, name: str) -> Status:
        return Board.read(name, "", self.settings.state_dir / "edges")

    def command(self, *arguments: str) -> str:
        result = CliRunner().invoke(connector, arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def own(self, name: str) -> None:
        """A connector with a protocol of its own, found by the search path."""
        folder = scaffold(name, self.folder / "mine")
        (folder / "source.py").write_text(SCRIPTED, "utf-8")
        manifest = folder / "manifest.yaml"
        manifest.write_text(manifest.read_text("utf-8") + "source: {kind: own}\n", "utf-8")


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    made = City(tmp_path, monkeypatch)
    yield made
    made.stop.set()


def until(what: Callable[[], bool]) -> None:
    limit = time.monotonic() + _LIMIT_SECONDS
    while not what():
        assert time.monotonic() < limit, "it did not happen in two minutes"
        time.sleep(0.02)


def test_several_edges_run_side_by_side_and_go_on_where_they_were(city: City) -> None:
    police_file(city.folder / "a.csv", 5)
    police_file(city.folder / "b.csv", 7)
    city.write(
        "edges:\n  north: {connector: police, settings: {file: a.csv}}\n  south: {connector: police, settings: {file: b.csv}}\n"
    )
    city.run()
    assert len(city.sent["police"].events) == 12
    assert (city.status("north").state, city.status("south").published) == (EdgeState.DONE, 7)
    police_file(city.folder / "a.csv", 6)
    city.run("north")
    assert len(city.sent["police"].events) == 13
    shown = json.loads(city.command("status", "--json"))
    assert {each["name"]: each["state"] for each in shown} == {"north": "done", "south": "done"}


def test_a_protocol_of_ones_own_is_found_waits_and_goes_on(
    city: City, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    city.own("waits_by_test")
    monkeypatch.setenv("SECRET_BY_TEST", "hunter2hunter2")
    city.write(
        "search: [mine]\nedges:\n  waits_by_test: {settings: {script: row away away row, password: 'env:SECRET_BY_TEST'}}\n"
    )
    assert "waits_by_test" in discover()
    city.run()
    assert [event.source_ref for event in city.sent["waits_by_test"].events] == ["N-1", "N-2"]
    assert caplog.text.count("the system is away") == 1, "a loss is said once"
    assert caplog.text.count("answers again") == 1, "and so is a recovery"
    assert not city.sent["waits_by_test"].letters


@pytest.mark.parametrize(
    ("script", "owner", "said"),
    [("row refused", "credentials", "does not know this password"), ("row defect", "developer", "a defect: KeyError")],
)
def test_one_that_fails_stops_nobody_else_and_no_secret_is_said(
    script: str, owner: str, said: str, city: City, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"fails_{owner}_by_test"
    city.own(name)
    monkeypatch.setenv("SECRET_BY_TEST", "hunter2hunter2")
    police_file(city.folder / "a.csv", 300)
    city.write(
        f"search: [mine]\nedges:\n  bad: {{connector: {name}, settings: {{script: {script}, password: 'env:SECRET_BY_TEST'}}}}\n"
        "  good: {connector: police, settings: {file: a.csv}}\n"
    )
    running = threading.Thread(target=lambda: run_and_forgive(city))
    running.start()
    until(lambda: city.status("bad").state is EdgeState.FAILED and city.status("good").state is EdgeState.DONE)
    assert city.status("bad").owner == owner
    assert said in city.status("bad").why
    assert len(city.sent["police"].events) == 300
    city.stop.set()
    running.join(_LIMIT_SECONDS)
    files = "".join(path.read_text("utf-8") for path in (city.folder / "state").rglob("*") if path.is_file())
    for told in (caplog.text, city.command("status"), city.command("status", "--json"), files):
        assert "hunter2" not in told
    assert (city.status("bad").state, city.status("bad").owner) == (EdgeState.FAILED, owner), "mended by nobody"
    assert said in city.command("status")
    assert not city.status("bad").gone, "it has ended as it was asked to"


def test_who_is_asked_to_stop_while_it_waits_says_for_what(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city.own("waiting_by_test")
    monkeypatch.setenv("SECRET_BY_TEST", "hunter2hunter2")
    settings = f"{{script: {'away ' * 10_000}, password: 'env:SECRET_BY_TEST'}}"
    city.write(f"search: [mine]\nedges:\n  w: {{connector: waiting_by_test, settings: {settings}}}\n")
    running = threading.Thread(target=city.run)
    running.start()
    until(lambda: city.status("w").state is EdgeState.WAITING)
    city.stop.set()
    running.join(_LIMIT_SECONDS)
    assert (city.status("w").state, city.status("w").why) == (
        EdgeState.DONE,
        "asked to stop while it waited: the system is away",
    )


def test_what_edges_do_is_read_in_80_columns(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    names = ("calls-north", "roads-office", "petitions-2025")
    city.write("edges:\n" + "".join(f"  {name}: {{connector: police, settings: {{file: a.csv}}}}\n" for name in names))
    for name in names:
        board = Board(name, "police", city.settings.state_dir / "edges")
        board.progress(12_345_678, 12_345_000, 678)
        board.backlog(12_345, 1)
        board.enter(EdgeState.FAILED, "the system does not know this password", owner="credentials")
    found = city.command("status").splitlines()
    table, said = found[:4], found[4:]
    assert all(cell_len(line.rstrip()) <= 80 for line in table), found
    assert [line.split()[:2] for line in table[1:]] == [[name, "failed"] for name in names]
    whose = "the system does not know this password · whose turn 待办: credentials"
    assert said == [f"{name} (police): {whose}" for name in names]
    monkeypatch.setenv("CITYHUB_NAMESPACE", "city7.")
    assert [line.split()[0] for line in city.command("status").splitlines()[1:4]] == list(names), (
        "as commands take them"
    )
    monkeypatch.delenv("CITYHUB_NAMESPACE")
    listed = city.command("list").splitlines()
    assert any(line.startswith("police ") and "公安" in line for line in listed)


def run_and_forgive(city: City) -> None:
    with suppress(FatalError):  # it names the one that had a defect
        city.run()


def test_pause_reset_and_resume_while_it_runs(city: City) -> None:
    police_file(city.folder / "a.csv", 4)
    city.write("edges:\n  live: {connector: police, settings: {file: a.csv, follow: true}}\n")
    running = threading.Thread(target=city.run)
    running.start()
    until(lambda: "police" in city.sent and len(city.sent["police"].events) == 4)
    refused = CliRunner().invoke(connector, ["reset", "live", "--to", "start"])
    assert "is running already" in refused.output
    city.command("pause", "live", "--why", "the mapping is being mended")
    until(lambda: city.status("live").state is EdgeState.PAUSED)
    assert city.status("live").why == "the mapping is being mended"
    city.command("reset", "live", "--to", "start")
    city.command("resume", "live")
    until(lambda: len(city.sent["police"].events) == 8)
    city.stop.set()
    running.join(_LIMIT_SECONDS)
    assert not running.is_alive()


def test_too_many_rejects_pause_that_edge_and_resume_says_how_it_goes_on(city: City) -> None:
    rows = [police_row(n, BJSJ="soon") if n < 6 else police_row(n) for n in range(9)]
    (city.folder / "a.csv").write_text(csv_text(POLICE_COLUMNS, rows), "utf-8")
    city.write("edges:\n  odd: {connector: police, settings: {file: a.csv}, max_rejects_in_a_row: 6}\n")
    running = threading.Thread(target=city.run)
    running.start()
    until(lambda: city.status("odd").state is EdgeState.PAUSED)
    assert "--go-on" in city.status("odd").why
    assert len(city.sent["police"].letters) == 6
    city.command("resume", "odd", "--go-on")
    running.join(_LIMIT_SECONDS)
    assert city.status("odd").state is EdgeState.DONE
    assert (len(city.sent["police"].letters), len(city.sent["police"].events)) == (6, 3)


def test_a_position_that_is_gone_is_an_alarm_with_a_choice(city: City) -> None:
    police_file(city.folder / "a.csv", 4)
    city.write("edges:\n  live: {connector: police, settings: {file: a.csv}}\n")
    city.run()
    (city.settings.state_dir / "edges" / "live.json").unlink()
    running = threading.Thread(target=city.run)
    running.start()
    until(lambda: city.status("live").state is EdgeState.FAILED)
    assert "reset live --to start|now|TIME" in city.status("live").why
    assert len(city.sent["police"].events) == 4, "nothing is read again in silence"
    city.command("pause", "live")
    until(lambda: city.status("live").state is EdgeState.PAUSED)
    city.command("reset", "live", "--to", "start")
    city.command("resume", "live")
    running.join(_LIMIT_SECONDS)
    assert len(city.sent["police"].events) == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("edges:\n  a: {connecter: police}\n", "connectors.yaml:2: unknown key 'connecter'"),
        ("edges:\n  A b: {}\n", "is no name"),
        ("edges: {a: {connector: police}}\nedges: {}\n", "stands here a second time"),
    ],
)
def test_a_mistake_in_the_form_is_said_with_its_line(text: str, said: str, city: City) -> None:
    city.write(text)
    with pytest.raises(FatalError, match=said):
        load_edges(city.settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{file: a.csv, fellow: true}", "connectors.yaml:4: edge a: fellow: no such setting; did you mean 'follow'?"),
        ("{}", "give `file`, or `inputs`"),
    ],
)
def test_a_wrong_setting_fails_that_edge_with_its_line(settings: str, said: str, city: City) -> None:
    city.write(f"edges:\n  a:\n    connector: police\n    settings: {settings}\n")
    edge = load_edges(city.settings)["a"]
    intake = edge.intake()
    with pytest.raises(FatalError) as caught:
        edge.source(intake, edge.context(intake, RunnerOptions()))
    assert said in str(caught.value)


def test_settings_that_do_not_go_together_are_told_with_the_place_of_each(city: City) -> None:
    scaffold("works_by_test", city.folder / "mine", "sql")
    city.write(
        "search: [mine]\nedges:\n  works_by_test:\n    settings:\n      url: postgresql://h/d\n      behind_horizon: true\n"
    )
    with pytest.raises(FatalError) as caught:
        load_edges(city.settings)["works_by_test"].require_sound()
    manifest = city.folder / "mine" / "works_by_test" / "manifest.yaml"
    line = next(n for n, text in enumerate(manifest.read_text("utf-8").splitlines(), 1) if "overlap_minutes:" in text)
    assert f"overlap_minutes stands in manifest.yaml:{line}, behind_horizon stands in connectors.yaml:6" in str(
        caught.value
    )
    manifest.write_text(
        manifest.read_text("utf-8")
        .replace("page_rows:", "page_rowz:")
        .replace("overlap_minutes: ", "overlap_minutes: x")
    )
    with pytest.raises(FatalError, match=rf"manifest\.yaml:{line}: edge works_by_test: overlap_minutes: "):
        load_edges(city.settings)["works_by_test"].require_sound()


def test_a_secret_that_is_written_out_is_refused_unseen(city: City) -> None:
    city.own("plain_by_test")
    city.write("search: [mine]\nedges:\n  plain_by_test: {settings: {script: row, password: hunter2hunter2}}\n")
    edge = load_edges(city.settings)["plain_by_test"]
    intake = edge.intake()
    with pytest.raises(FatalError) as caught:
        edge.source(intake, edge.context(intake, RunnerOptions()))
    assert "env:NAME" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_there_is_no_such_edge(city: City) -> None:
    city.write("edges:\n  roads: {connector: police}\n")
    with pytest.raises(FatalError, match="did you mean 'roads'"):
        chosen(load_edges(city.settings), ("raods",))
    assert find_manifest("police").source.kind == "file"


# -- the file changes while it runs ---------------------------------------------------------------------------------------


def edge(name: str, file: str, **more: object) -> str:
    settings = {"file": file, "follow": "true", **more}
    return f"  {name}: {{connector: police, settings: {{{', '.join(f'{key}: {value}' for key, value in settings.items())}}}}}\n"


@pytest.fixture
def at_work(city: City) -> Iterator[City]:
    """`north` follows a.csv."""
    for name, rows in (("a", 2), ("b", 3), ("c", 4)):
        police_file(city.folder / f"{name}.csv", rows)
    city.write("edges:\n" + edge("north", "a.csv"))
    running = threading.Thread(target=city.run)
    running.start()
    until(lambda: city.status("north").published == 2)
    yield city
    city.stop.set()
    running.join(_LIMIT_SECONDS)
    assert not running.is_alive()


def test_an_edge_that_comes_is_begun_and_one_that_goes_is_ended(at_work: City) -> None:
    at_work.write("edges:\n" + edge("north", "a.csv") + edge("south", "b.csv"))
    until(lambda: at_work.status("south").published == 3)
    until(lambda: at_work.status("north").state is EdgeState.RUNNING)
    at_work.write("edges:\n" + edge("south", "b.csv"))
    until(lambda: at_work.status("north").state is EdgeState.DONE)
    until(lambda: at_work.status("south").state is EdgeState.RUNNING)


def test_an_edge_that_is_another_begins_anew_and_the_others_are_not_touched(at_work: City) -> None:
    at_work.write("edges:\n" + edge("north", "a.csv") + edge("south", "b.csv"))
    until(lambda: at_work.status("south").published == 3)
    since = at_work.status("north").since
    at_work.write("edges:\n" + "# the same\n" + edge("north", "a.csv") + edge("west", "c.csv"))
    until(lambda: at_work.status("west").published == 4)
    assert at_work.status("north").since == since, "a comment is no change of an edge"
    police_file(at_work.folder / "a.csv", 5)
    at_work.write("edges:\n" + edge("north", "a.csv", last_line_whole="true") + edge("west", "c.csv"))
    until(lambda: len(at_work.sent["police"].events) == 5 + 3 + 4)
    until(lambda: at_work.status("west").state is EdgeState.RUNNING)


def test_a_file_with_a_mistake_changes_nothing_and_is_said_once(
    at_work: City, caplog: pytest.LogCaptureFixture
) -> None:
    for wrong in (
        "edges:\n" + edge("south", "b.csv", colour="red"),
        "edges: [\n",
        "edges: {north: {connector: nobody}}\n",
    ):
        caplog.clear()
        at_work.write(wrong)
        until(lambda: "run on as they were" in caplog.text)
        until(lambda: at_work.status("north").state is EdgeState.RUNNING)
        assert caplog.text.count("run on as they were") == 1
    at_work.write("edges:\n" + edge("north", "a.csv") + edge("south", "b.csv"))
    until(lambda: at_work.status("south").published == 3)


def test_a_file_is_taken_when_it_has_settled_and_not_while_it_is_being_written(city: City) -> None:
    city.write("edges: {}\n")
    now = [0.0]
    loads: list[str] = []

    def load() -> dict[str, Edge]:
        loads.append(city.file.read_text("utf-8"))
        return {}

    watch = EdgesFileWatch(city.file, load, lambda: now[0])
    for step, text in enumerate(("edges: {", "edges: {}\n# a", "edges: {}\n# b")):
        city.write(text)
        now[0] = step * 0.4
        assert watch.look() is None
    city.file.unlink()
    now[0] = 9.0
    assert watch.look() is None
    city.write("edges: {}\n# b")
    assert watch.look() is None
    now[0] = 9.6
    assert watch.look() == {}
    assert (watch.look(), loads) == (None, ["edges: {}\n# b"])


def test_state_owner_and_ages_are_seen_by_programs(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_BY_TEST", "hidden")
    city.own("sirens_by_test")
    settings = "{script: refused, password: 'env:SECRET_BY_TEST'}"
    city.write(f"search: [mine]\nedges: {{sirens: {{connector: sirens_by_test, settings: {settings}}}}}\n")
    running = threading.Thread(target=city.run)
    running.start()
    until(lambda: city.status("sirens").state is EdgeState.FAILED)
    (shown,) = json.loads(city.command("status", "--json"))
    assert (shown["state"], shown["owner"], shown["silent_seconds"]) == ("failed", "credentials", None)
    assert 0 <= shown["age_seconds"] < _LIMIT_SECONDS
    turn = {"edge": "sirens", "owner": "credentials"}
    until(lambda: REGISTRY.get_sample_value("hub_connector_turn", turn) == 1)
    assert REGISTRY.get_sample_value("hub_connector_state_since_seconds", {"edge": "sirens"}) == shown["since"] / 1000
    city.stop.set()
    running.join(_LIMIT_SECONDS)
    assert REGISTRY.get_sample_value("hub_connector_turn", turn) == 0

"""Edges of connectors.yaml in one process: each supervised by itself, and its state seen."""

from __future__ import annotations

import json
import threading
from contextlib import suppress

import pytest
from prometheus_client import REGISTRY
from rich.cells import cell_len

from hub.errors import FatalError
from hub.sdk.errors import EdgeError
from hub.sdk.manifest import discover
from hub.sdk.running.status import OWNER_NAMES, Board, EdgeState
from hub.testing.files import police_file
from hub.web.board.names import STATIC
from tests.unit.sdk.running.city_of_edges import LIMIT_SECONDS, City, until


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
    running.join(LIMIT_SECONDS)
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
    running.join(LIMIT_SECONDS)
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
    whose = "the system does not know this password · whose turn 待办: who keeps the credentials 凭据保管人"
    assert said == [f"{name} (police): {whose}" for name in names]
    monkeypatch.setenv("CITYHUB_NAMESPACE", "city7.")
    assert [line.split()[0] for line in city.command("status").splitlines()[1:4]] == list(names), (
        "as commands take them"
    )
    monkeypatch.delenv("CITYHUB_NAMESPACE")
    listed = city.command("list").splitlines()
    assert any(line.startswith("police ") and "公安" in line for line in listed)


def test_whose_turn_it_is_has_a_name_in_both_languages_wherever_it_is_read() -> None:
    owners = {each.owner for each in (EdgeError, *EdgeError.__subclasses__())} | {"system"}
    assert owners == set(OWNER_NAMES)
    assert all(any("一" <= char <= "鿿" for char in name) for name in OWNER_NAMES.values())
    on_board = json.loads((STATIC / "texts.json").read_text("utf-8"))
    for owner, both in OWNER_NAMES.items():
        name = on_board[f"turn.{owner}"]
        assert f"{name['en']} {name['zh']}" == both


def run_and_forgive(city: City) -> None:
    with suppress(FatalError):  # it names the one that had a defect
        city.run()


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
    assert 0 <= shown["age_seconds"] < LIMIT_SECONDS
    turn = {"edge": "sirens", "owner": "credentials"}
    until(lambda: REGISTRY.get_sample_value("hub_connector_turn", turn) == 1)
    assert REGISTRY.get_sample_value("hub_connector_state_since_seconds", {"edge": "sirens"}) == shown["since"] / 1000
    city.stop.set()
    running.join(LIMIT_SECONDS)
    assert REGISTRY.get_sample_value("hub_connector_turn", turn) == 0

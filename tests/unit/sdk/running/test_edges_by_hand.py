"""An edge that is paused, resumed and reset by hand, or was stopped: its position is moved on purpose only."""

from __future__ import annotations

import threading

from click.testing import CliRunner

from hub.cli.connector.command import connector
from hub.sdk.running.status import EdgeState
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row
from tests.unit.sdk.running.city_of_edges import LIMIT_SECONDS, City, until


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
    running.join(LIMIT_SECONDS)
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
    running.join(LIMIT_SECONDS)
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
    running.join(LIMIT_SECONDS)
    assert len(city.sent["police"].events) == 8

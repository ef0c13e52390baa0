"""Two processes that take up one edge: one runs it, the other stands by and takes over; nothing is read twice."""

from __future__ import annotations

import threading

import pytest

from hub.errors import FatalError
from hub.sdk.manifest import find_manifest
from hub.sdk.running.edges import chosen, load_edges
from hub.sdk.running.runner import RunnerOptions, run_source
from hub.sdk.running.side_by_side import run_edges
from hub.sdk.running.status import EdgeState
from hub.sdk.sources.file.join import Input
from hub.testing.files import police_file
from hub.testing.source_suite import MemoryPublisher
from tests.unit.sdk.running.city_of_edges import LIMIT_SECONDS, City, until


class Process:
    """One `run` of all edges, in a thread, with what it sent."""

    def __init__(self, city: City) -> None:
        self.sent = MemoryPublisher()
        self._stop = threading.Event()
        edges = chosen(load_edges(city.settings), ())
        options = RunnerOptions(stop=self._stop, checkpoint_rows=2)
        self._thread = threading.Thread(
            target=lambda: run_edges(edges.values(), city.settings, options, lambda _domain: self.sent)
        )
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join(LIMIT_SECONDS)
        assert not self._thread.is_alive()


def test_the_second_stands_by_says_so_once_and_takes_over(city: City, caplog: pytest.LogCaptureFixture) -> None:
    police_file(city.folder / "a.csv", 3)
    city.write("edges:\n  live: {connector: police, settings: {file: a.csv, follow: true}}\n")
    first = Process(city)
    until(lambda: city.status("live").published == 3)
    second = Process(city)
    until(lambda: "stands by" in caplog.text)
    assert "process " in caplog.text
    police_file(city.folder / "a.csv", 5)
    until(lambda: city.status("live").published == 5)
    until(lambda: city.status("live").state is EdgeState.RUNNING)  # what the first does, not that the second waits
    first.end()
    police_file(city.folder / "a.csv", 7)
    until(lambda: len(second.sent.events) == 2)
    until(lambda: city.status("live").state is EdgeState.RUNNING)
    second.end()
    assert caplog.text.count("stands by") == 1
    assert caplog.text.count("it is taken up here") == 1
    assert len(first.sent.events) == 5
    assert city.status("live").state is EdgeState.DONE


def test_one_that_stands_by_leaves_no_trace_where_the_other_shows_itself(
    city: City, caplog: pytest.LogCaptureFixture
) -> None:
    police_file(city.folder / "a.csv", 3)
    city.write("edges:\n  live: {connector: police, settings: {file: a.csv, follow: true}}\n")
    first = Process(city)
    until(lambda: city.status("live").published == 3)
    second = Process(city)
    until(lambda: "stands by" in caplog.text)
    second.end()
    until(lambda: city.status("live").state is EdgeState.RUNNING)
    assert not second.sent.events
    first.end()


def test_files_named_on_the_command_line_are_read_by_one_process(city: City) -> None:
    file = police_file(city.folder / "a.csv", 3)
    stop = threading.Event()
    options = RunnerOptions(stop=stop, follow=True, cursor_dir=city.folder / "cursors")
    sent = MemoryPublisher()

    def run() -> None:
        run_source(find_manifest("police"), [Input(file=file)], city.settings, options, sent)

    running = threading.Thread(target=run)
    running.start()
    until(lambda: len(sent.events) == 3)
    with pytest.raises(FatalError, match="is running already, in process"):
        run()
    stop.set()
    running.join(LIMIT_SECONDS)

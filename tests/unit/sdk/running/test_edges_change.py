"""connectors.yaml changes while its edges run."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from hub.sdk.running.edges import Edge
from hub.sdk.running.side_by_side import EdgesFileWatch
from hub.sdk.running.status import EdgeState
from hub.testing.files import police_file
from tests.unit.sdk.running.city_of_edges import LIMIT_SECONDS, City, until

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
    running.join(LIMIT_SECONDS)
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

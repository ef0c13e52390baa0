"""The source of GeoReport v2, sweep after sweep: what changed is said, what is as it was is not, and what comes late is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.model.event import CaseEvent
from hub.sdk.contract import Item
from hub.sdk.manifest import Manifest
from hub.testing.open311_server import (
    ApiError,
    Open311City,
    Quirk,
    serving,
)
from tests.unit.sdk.sources.open311.city import NOW, Clock, city_of, days_ago, expected, run, source_of, told

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("clock")]


@contextmanager
def following(manifest: Manifest, city: Open311City, clock: Clock, **more: Any) -> Iterator[Any]:
    """Gives what a round brings, of one source that goes on; and the position it has come to."""
    with serving(city) as url:
        source, intake = source_of(manifest, url, look_back_minutes=1e-9, **more)
        source.connect(None)

        def round_() -> list[CaseEvent]:
            clock.pass_by()
            items: list[Item] = []
            while True:
                batch = source.read(1)
                items += batch.items
                if batch.last:
                    return [event for item in items if (event := intake.outcome(item).event)]

        try:
            yield round_
        finally:
            source.close()


@pytest.mark.parametrize("how", [{}, {"format": "json"}, {"changed_params": ("updated_after", "updated_before")}])
def test_a_change_of_an_old_request_becomes_a_statement_and_nothing_else_does(
    how: dict[str, Any], manifest: Manifest, clock: Clock
) -> None:
    city = city_of()
    with following(manifest, city, clock, **how) as round_:
        assert told(round_()) == expected()
        assert round_() == []
        city.say("1000", "closed", "Filled at last", NOW)
        (closed,) = round_()
        assert (closed.source_ref, closed.kind, closed.attributes["status_notes"]) == (
            "1000",
            "CLOSED",
            "Filled at last",
        )
        city.say("1000", "open", "It is back", NOW + timedelta(seconds=1))
        assert [(each.source_ref, each.kind) for each in round_()] == [("1000", "OPENED")]
        ref = city.report("New", NOW)
        assert [each.source_ref for each in round_()] == [ref]
        assert round_() == []


def test_updates_are_statements_behind_what_was_requested(manifest: Manifest, clock: Clock) -> None:
    city = city_of()
    with following(manifest, city, clock, updates=True, look_back_days=90) as round_:
        events = round_()
        by_ref = [(each.kind.value, each.attributes.get("update_id"), each.attributes.get("status_notes")) for each in events
                  if each.source_ref == "1004"]  # fmt: skip
        assert by_ref == [
            ("OPENED", None, None),
            ("AMENDED", "2", "Crew is on its way"),
            ("OPENED", None, "Crew is on its way"),
        ]
        amended = next(each for each in events if each.attributes.get("update_id") == "2")
        assert (amended.category, amended.text, amended.place.lat) == ("roads.pothole", "Deep & wide 4", 39.9087)
        assert round_() == []
        city.updates.append({"update_id": "9", "service_request_id": "1000", "status": "CLOSED", "updated_datetime": NOW,
                             "description": "Only the update says so", "media_url": None})  # fmt: skip
        (closed,) = round_()
        assert (closed.kind, closed.source_ref) == ("CLOSED", "1000")
        city.updates.append({"update_id": "10", "service_request_id": "nobody", "status": "OPEN", "updated_datetime": None,
                             "description": "", "media_url": None})  # fmt: skip
        city.updates[-1]["updated_datetime"] = NOW
        (alone,) = round_()
        assert (alone.kind, alone.source_ref, alone.category) == ("AMENDED", "nobody", "")


def test_after_a_restart_what_is_old_and_unchanged_is_not_said_again(
    manifest: Manifest, clock: Clock, tmp_path: Path
) -> None:
    city = city_of()
    with serving(city) as url:
        run(manifest, url, tmp_path)
        city.say("1000", "closed", "Filled at last", NOW)
        clock.pass_by()
        again = run(manifest, url, tmp_path, look_back_minutes=1e-9).events
    # within late_hours of the last sweep all is read again, and known by its content
    assert [(each.source_ref, each.kind) for each in again] == [
        ("1000", "OPENED"), ("1000", "CLOSED"), ("1005", "OPENED"), ("1005", "CLOSED"), ("1006", "OPENED"),
    ]  # fmt: skip


def test_a_request_that_turns_up_late_is_found(manifest: Manifest, clock: Clock) -> None:
    city = city_of()
    with following(manifest, city, clock) as round_:
        round_()
        ref = city.report("Told on paper", days_ago(40))
        assert [each.source_ref for each in round_()] == [ref]


def test_a_token_that_is_no_id_yet_is_waited_for(
    manifest: Manifest, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = city_of({Quirk.TOKENS})
    get, pending = city.get, [True]

    def slow(path: str, params: dict[str, str]) -> tuple[str, Any]:
        if path.startswith("tokens/") and pending[0]:
            raise ApiError(404, "not yet")
        return get(path, params)

    monkeypatch.setattr(city, "get", slow)
    with following(manifest, city, clock) as round_:
        assert told(round_()) == expected()[:-1]
        pending[0] = False
        assert [each.source_ref for each in round_()] == ["1006"]

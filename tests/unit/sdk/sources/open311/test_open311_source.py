"""The source of GeoReport v2 against a server written from the specification: every quirk and stumble; nothing lost or doubled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.sdk.errors import ConfigurationError
from hub.sdk.manifest import Manifest
from hub.testing.open311_server import (
    Open311City,
    Quirk,
    serving,
)
from tests.unit.sdk.sources.open311.city import PERSON, city_of, days_ago, expected, run, told

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("clock")]


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize("quirk", [None, *Quirk])
def test_whatever_the_server_does_the_same_is_read(
    quirk: Quirk | None, form: str, manifest: Manifest, tmp_path: Path
) -> None:
    city = city_of({quirk} if quirk else None, most=3)
    with serving(city) as url:
        sent = run(manifest, url, tmp_path, format=form, page_size=3, most_items=3)
    order = sorted(told(sent.events)) if quirk is Quirk.NEWEST_FIRST else told(sent.events)
    assert order == (sorted(expected()) if quirk is Quirk.NEWEST_FIRST else expected())
    assert not sent.letters
    first = next(each for each in sent.events if each.source_ref == "1000")
    assert first.text.replace("\x0b", "") == "Deep & wide 0"
    assert (first.category, first.category_label, first.title) == ("roads.pothole", "Pothole", "Pothole")
    assert (first.place.lat, first.place.lon) == (39.9087, 116.3975)
    nowhere = next(each for each in sent.events if each.source_ref == "1003")
    assert (nowhere.place.lat, nowhere.place.lon, nowhere.place.address) == (None, None, "1 Example Road")


def test_many_quirks_at_once(manifest: Manifest, tmp_path: Path) -> None:
    quirks = set(Quirk) - {Quirk.NEWEST_FIRST, Quirk.OTHER_WORDS}
    for form in ("xml", "json"):
        with serving(city_of(quirks, most=3)) as url:
            sent = run(manifest, url, tmp_path / form, format=form, most_items=3, page_param=None)
        assert told(sent.events) == expected()


def test_status_words_and_notes_are_kept(manifest: Manifest, tmp_path: Path) -> None:
    with serving(city_of({Quirk.OTHER_WORDS})) as url:
        events = run(manifest, url, tmp_path).events
    closed = next(each for each in events if each.kind == "CLOSED")
    assert (closed.attributes["status"], closed.attributes["status_notes"]) == ("fixed", "Filled")


@pytest.mark.parametrize("spoilt", [
    {"requested_datetime": "soon"}, {"service_request_id": ""}, {"requested_datetime": None, "updated_datetime": None},
])  # fmt: skip
def test_one_request_that_cannot_be_used_is_a_dead_letter(
    spoilt: dict[str, Any], manifest: Manifest, tmp_path: Path
) -> None:
    city = city_of()
    city.requests["1002"] |= {"updated_datetime": None, "email": PERSON}
    written = city.written

    def spoil(root: str, content: Any, form: str) -> bytes:
        if root == "service_requests":
            content = [each | spoilt if each["service_request_id"] == "1002" else each for each in content]
        return written(root, content, form)

    city.written = spoil  # type: ignore[method-assign]
    with serving(city) as url:
        sent = run(manifest, url, tmp_path)
    assert told(sent.events) == [each for each in expected() if each[0] != "1002"]
    assert len(sent.letters) == 1
    assert PERSON.encode() not in (sent.letters[0].value or b"")


# -- stretches of time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("quirks", "how"), [
    ({Quirk.NO_PAGES}, {}),
    ({Quirk.NO_PAGES}, {"page_param": None}),
    ({Quirk.NO_PAGES}, {"page_param": None, "dates": "date"}),
    ({Quirk.NO_PAGES, Quirk.SHARP_ENDS}, {"page_param": None}),
    ({Quirk.LAST_AGAIN}, {}),
    ({Quirk.SHARP_ENDS}, {"window_days": 0.5}),
    (set(), {"window_days": 90}),
    (set(), {"page_size_param": None}),
    (set(), {"changed_params": ("updated_after", "updated_before")}),
    (set(), {"ids_per_call": 1, "updates": True}),
])  # fmt: skip
def test_a_busy_city_is_read_whole_by_stretches_or_pages(
    quirks: set[Quirk], how: dict[str, Any], manifest: Manifest, tmp_path: Path
) -> None:
    most = 20 if "dates" in how else 4  # of two days it is all there is
    city = Open311City(quirks, most=most)
    for number in range(20):
        city.report(f"{number}", days_ago(8 - number / 2.5))
    with serving(city) as url:
        sent = run(manifest, url, tmp_path, look_back_days=9, most_items=most, page_size=4, **how)
    assert [each.source_ref for each in sent.events] == list(city.requests)


def test_more_in_a_moment_than_the_server_gives_is_said(manifest: Manifest, tmp_path: Path) -> None:
    city = Open311City({Quirk.NO_PAGES}, most=3)
    for _ in range(5):
        city.report("x", days_ago(1))
    with serving(city) as url, pytest.raises(ConfigurationError, match="cannot be halved"):
        run(manifest, url, tmp_path, page_param=None, most_items=3, look_back_days=2)

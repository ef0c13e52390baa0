"""The source of GeoReport v2 against a server that stumbles, refuses and is killed half way: nothing lost or doubled."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import FatalError
from hub.sdk.errors import AuthError, ConfigurationError, TransientError
from hub.sdk.manifest import Manifest
from hub.sdk.sources.open311.calls import GeoReport
from hub.sdk.sources.open311.config import Open311Config
from hub.testing.open311_server import (
    Quirk,
    Stumble,
    answer_before,
    half_a_body,
    half_a_document,
    hanging_up,
    refusing,
    serving,
)
from hub.testing.source_suite import KilledError, MemoryPublisher
from tests.unit.sdk.sources.open311.city import NOW, PERSON, city_of, days_ago, expected, run, source_of, told

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("clock")]


_ERRORS = f"<errors><error><code>500</code><description>{PERSON}</description></error></errors>".encode()
STUMBLES: dict[str, Stumble] = {
    "429": refusing(429, Retry_After="0"),
    "503": refusing(503, PERSON.encode(), Retry_After="Tue, 06 Jan 2026 00:00:00 GMT"),
    "500": refusing(500, _ERRORS),
    "400, the back-end is down": refusing(400, _ERRORS),
    "errors with status 200": refusing(200, _ERRORS),
    "half a body": half_a_body,
    "half a document": half_a_document,
    "hung up": hanging_up,
    "the answer before": answer_before,
    "a page of HTML": refusing(200, b"<html><body>We are back soon.</body></html>"),
    "nothing": refusing(200),
}


@pytest.mark.parametrize("stumble", STUMBLES)
def test_a_server_that_stumbles_loses_and_doubles_nothing(
    stumble: str, manifest: Manifest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    city = city_of(most=2)
    city.stumbles = [None] * 3 + [STUMBLES[stumble]] + [None] * 2 + [STUMBLES[stumble]]
    with caplog.at_level(logging.DEBUG), serving(city) as url:
        sent = run(manifest, url, tmp_path, updates=False)
    assert told(sent.events) == expected()
    assert not sent.letters
    assert PERSON not in caplog.text


@pytest.mark.parametrize("times", [1, 2])
def test_a_page_twice_is_asked_for_again(times: int, manifest: Manifest, tmp_path: Path) -> None:
    city = city_of(most=2)
    city.now = lambda: NOW
    city.stumbles = [None, *[answer_before] * times]
    with serving(city) as url:
        sent = run(manifest, url, tmp_path, dates="none")
    assert told(sent.events) == expected()


@pytest.mark.parametrize("how", [{}, {"updates": True}, {"page_param": None}])
@settings(deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(die_at=st.integers(0, 12))
def test_killed_anywhere_nothing_is_lost_and_each_request_is_in_order(
    how: dict[str, Any], die_at: int, manifest: Manifest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("kill")
    quirks = {Quirk.NO_PAGES} if "page_param" in how else set()
    with serving(city_of(quirks, most=3)) as url:
        whole = run(manifest, url, folder / "whole", most_items=3, **how).events
        killed = MemoryPublisher(die_at=die_at)
        if die_at < len(whole):
            with pytest.raises(KilledError):
                run(manifest, url, folder, killed, most_items=3, **how)
        arrived = killed.events[: killed.acknowledged]
        resumed = run(manifest, url, folder, most_items=3, **how).events
    for ref in {each.source_ref for each in whole}:
        said = [each for each in arrived + resumed if each.source_ref == ref]
        assert list(dict.fromkeys(each.model_dump_json() for each in said)) == list(
            dict.fromkeys(each.model_dump_json() for each in whole if each.source_ref == ref)
        )


# -- refusals --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quirks", [set(), {Quirk.ERRORS_OK}])
def test_a_refusal_names_whose_turn_it_is(
    quirks: set[Quirk], manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_BY_TEST", "wrong-by-test")
    with serving(city_of(quirks, api_key="right", jurisdiction="here")) as url:
        with pytest.raises(ConfigurationError, match="jurisdiction_id"):
            run(manifest, url, tmp_path)
        how: dict[str, Any] = {"jurisdiction_id": "here", "updates": True}
        with pytest.raises(AuthError) as raised:
            run(manifest, url, tmp_path, **how, api_key="env:KEY_BY_TEST")
    assert "wrong-by-test" not in str(raised.value)


@pytest.mark.parametrize("answer", [refusing(500), refusing(200, b"<html/>"), refusing(200, _ERRORS), refusing(302)])
@pytest.mark.parametrize("named", ["/tokens/{token}", "/requests/{id}", "/services/{code}"])
def test_what_a_server_calls_its_records_is_not_quoted(named: str, answer: Stumble) -> None:
    """Some give a request the number of who called."""
    city = city_of()
    city.stumbles = [answer]
    with serving(city) as url:
        given = {"base_url": url, "once": True, "calls_per_minute": 1e6, "ids_per_call": 1}
        calls = GeoReport(Open311Config.model_validate(given))
        asked = {"/tokens/{token}": calls.id_of, "/services/{code}": calls.definition}
        ask: Any = asked.get(named) or (lambda number: calls.requests([number]))
        with pytest.raises((TransientError, ConfigurationError)) as raised:
            ask("13800138000")
        calls.close()
    assert f"GET {named}.xml" in str(raised.value)
    assert "13800138000" not in str(raised.value)


def test_an_id_that_no_address_holds_costs_its_own_record(manifest: Manifest, tmp_path: Path) -> None:
    """It ended the edge, at each try."""
    city = city_of()
    city.report("By a token", days_ago(2), service_request_id=None, token="9" * 70_000)
    with serving(city) as url:
        sent = run(manifest, url, tmp_path)
        assert told(sent.events) == expected()
        assert len(sent.letters) == 1
        city.updates.append(city.updates[0] | {"update_id": "99", "service_request_id": "9" * 70_000})
        run(manifest, url, tmp_path / "updates", updates=True)


def test_a_400_is_tried_a_few_times(manifest: Manifest, tmp_path: Path) -> None:
    city = city_of()
    city.stumbles = [refusing(400)] * 9
    with serving(city) as url, pytest.raises(ConfigurationError, match="time and again"):
        run(manifest, url, tmp_path)
    assert len(city.asked) == 5


@pytest.mark.parametrize("mistake", [
    {"start": "2026-01-06"}, {"window_days": 91}, {"format": "yaml"}, {"time_zone": "Nowhere"}, {"api_key": "in the open"},
])  # fmt: skip
def test_a_setting_that_cannot_be_is_refused(mistake: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as raised:
        Open311Config.model_validate({"base_url": "https://example.org"} | mistake)
    assert "in the open" not in str(raised.value)


def test_check_says_what_is_there_and_a_sample_is_of_the_newest(manifest: Manifest) -> None:
    city = city_of()
    with serving(city) as url:
        source, _ = source_of(manifest, url)
        assert source.check() == (
            "2 services, 1 with questions; /requests answers with 3; its discovery lists this address"
        )
        assert {(each.values or {})["service_request_id"] for each in source.sample(20)} == {
            "1004",
            "1005",
            "1006",
        }
        assert [path for path, _ in city.asked[:4]] == ["services", "requests", "services/tree", "discovery"]
    with pytest.raises(TransientError, match="cannot be reached"):
        source_of(manifest, "http://127.0.0.1:9")[0].check()


def test_a_position_of_another_kind_is_told(manifest: Manifest) -> None:
    source, _ = source_of(manifest, "http://127.0.0.1:9")
    with pytest.raises(FatalError, match="none of an Open311 source"):
        source.connect({"page": 3})

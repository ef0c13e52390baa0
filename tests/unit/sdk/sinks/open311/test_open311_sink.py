"""What a city is told of its reports, and what its answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from hub.errors import FatalError
from hub.sdk.errors import ConfigurationError, PermanentError, TransientError
from hub.sdk.sink_contract import Answer, DeliveryBatch, Later, Never, SinkContext
from hub.sdk.sinks.open311.sink import Open311Sink, Open311SinkSettings
from hub.sdk.sinks.open311.updates import status_of
from hub.sdk.streams import Stream
from hub.testing.open311_server import Open311City, Quirk, refusing, serving
from hub.testing.sinks import reply

pytestmark = pytest.mark.process

KEY = "key-by-test"
PERSON = b"<errors><error><code>400</code><description>Li Lei 13800000000</description></error></errors>"


def sink_of(url: str, **more: Any) -> Open311Sink:
    made = {"base_url": url, "api_key": "env:KEY_BY_TEST", "allow": ["127.0.0.0/8"], "jurisdiction_id": "here"}
    context = SinkContext(streams=frozenset({Stream.REPLIES}))
    return Open311Sink(Open311SinkSettings.model_validate(made | more), context)


@pytest.fixture
def city(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open311City]:
    monkeypatch.setenv("KEY_BY_TEST", KEY)
    city = Open311City(api_key=KEY, jurisdiction="here")
    city.report()
    with serving(city):
        yield city


def said(sink: Open311Sink, **more: Any) -> Answer:
    sink.connect()
    try:
        (answer,) = sink.write(DeliveryBatch([reply(7, **{"ref": "1000", **more})]))
        return answer
    finally:
        sink.close()


@pytest.mark.parametrize("form", ["xml", "json"])
def test_an_update_has_all_that_the_extension_asks_for(city: Open311City, form: str) -> None:
    assert said(sink_of(city.url, format=form, statuses={"accepted": "IN_PROGRESS"}, params={"title": "Hub"})) is None
    assert city.posted == {
        "R-7": {
            "service_request_id": "1000", "update_id": "R-7", "status": "IN_PROGRESS", "title": "Hub",
            "updated_datetime": "2026-03-02T04:00:00.007Z", "description": "A crew is on its way.", "jurisdiction_id": "here",
            "api_key": KEY,
        }
    }  # fmt: skip


def test_a_reply_without_words_has_ours_and_says_whether_it_is_over(city: Open311City) -> None:
    silent = reply(7, ref="1000", status="RESOLVED")
    silent.values["text"] = ""  # type: ignore[index]
    sink = sink_of(city.url)
    assert sink.write(DeliveryBatch([silent])) == [None]
    sink.close()
    assert (city.posted["R-7"]["status"], city.posted["R-7"]["description"]) == (
        "CLOSED",
        "The matter is closed. 已办结。",
    )


@pytest.mark.parametrize(("kind", "status"), [
    ("accepted", "OPEN"), ("paused", "OPEN"), ("resolved", "CLOSED"), ("verified", "CLOSED"), ("reopened", "OPEN"),
    ("not-ours", "CLOSED"),
])  # fmt: skip
def test_every_reply_is_open_or_closed(kind: str, status: str) -> None:
    assert status_of(kind, {}) == status
    assert status_of(kind, {kind: "FIXED"}) == "FIXED"


@pytest.mark.parametrize("quirks", [set(), {Quirk.ERRORS_OK}])
def test_a_request_that_is_not_known_is_tried_and_then_set_aside(city: Open311City, quirks: set[Quirk]) -> None:
    city.quirks = quirks
    sink = sink_of(city.url)
    answers = [said(sink, ref="nobody") for _ in range(5)]
    assert answers == [*(Later("the city answered 404", seconds) for seconds in (60, 300, 900, 3600)),
                       Never("the city answered 404, 5 times")]  # fmt: skip
    assert said(sink) is None


@pytest.mark.parametrize("seconds", [[], [5], [1, 2.5]])
def test_how_long_an_unclear_answer_is_tried_is_the_citys_to_say(city: Open311City, seconds: list[float]) -> None:
    sink = sink_of(city.url, unclear_seconds=seconds)
    sink.connect()
    answers = [sink.write(DeliveryBatch([reply(7, ref="9999")]))[0] for _ in range(len(seconds) + 1)]  # type: ignore[index]
    sink.close()
    assert answers[:-1] == [Later("the city answered 404", each) for each in seconds]
    assert isinstance(answers[-1], Never)


@pytest.mark.parametrize("seconds", [[0], [-1], [float("inf")], [60] * 21])
def test_a_wait_that_is_none_is_refused(city: Open311City, seconds: list[float]) -> None:
    with pytest.raises(ValidationError):
        sink_of(city.url, unclear_seconds=seconds)


def test_an_address_that_is_wrong_is_about_the_receiver(city: Open311City) -> None:
    with pytest.raises(TransientError, match="is base_url right"):
        said(sink_of(f"{city.url}/v3"))
    with pytest.raises(TransientError, match="is base_url right"):
        said(sink_of(city.url, jurisdiction_id="there"), ref="nobody")


def test_a_key_that_is_not_taken_holds_up_the_receiver(city: Open311City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_BY_TEST", "wrong")
    for quirks in (set[Quirk](), {Quirk.ERRORS_OK}):
        city.quirks = quirks
        with pytest.raises(TransientError, match="403"):
            said(sink_of(city.url))
    assert not city.posted


@pytest.mark.parametrize("status", [429, 503])
def test_who_asks_to_wait_is_waited_for(city: Open311City, status: int) -> None:
    city.stumbles = [refusing(status, Retry_After="7")]
    with pytest.raises(TransientError) as raised:
        said(sink_of(city.url))
    assert raised.value.wait_seconds == 7


def test_other_answers(city: Open311City) -> None:
    city.stumbles = [refusing(500), refusing(422), refusing(200, b"thanks"), refusing(200, PERSON), refusing(410)]
    sink = sink_of(city.url)
    answers = [said(sink) for _ in range(4)]
    assert answers == [
        Later("the receiver answered 500"), Never("the receiver answered 422"), None, Later("the city answered 400", 60),
    ]  # fmt: skip
    with pytest.raises(PermanentError):
        said(sink)


def test_calls_do_not_go_inside_unless_that_is_listed(city: Open311City) -> None:
    with pytest.raises(TransientError, match=r"is not public|speaks no TLS"):
        said(sink_of(city.url, allow=[]))
    assert not city.asked


def test_check_reads_and_sends_nothing(city: Open311City) -> None:
    assert sink_of(city.url).check() == "the city answers with 2 services; nothing was sent"
    assert [path for path, _ in city.asked] == ["services"]
    assert "api_key" not in city.asked[0][1]


def test_only_replies_are_taken(city: Open311City) -> None:
    config = Open311SinkSettings.model_validate({"base_url": city.url, "api_key": "env:KEY_BY_TEST"})
    with pytest.raises(ConfigurationError, match="orders"):
        Open311Sink(config, SinkContext(streams=frozenset({Stream.REPLIES, Stream.ORDERS}))).connect()


@pytest.mark.parametrize("mistake", [
    {"base_url": "ftp://x"}, {"base_url": "https://u:p@x/"}, {"base_url": "https://x/?a=1"}, {"allow": ["10.0.0.0/99"]},
    {"api_key": "in the open"}, {"path": "updates"},
])  # fmt: skip
def test_a_setting_that_cannot_be_is_refused(city: Open311City, mistake: dict[str, Any]) -> None:
    with pytest.raises((ValueError, FatalError)) as raised:
        sink_of(**({"url": city.url} | mistake) if "base_url" not in mistake else {"url": mistake["base_url"]})
    assert "in the open" not in str(raised.value)

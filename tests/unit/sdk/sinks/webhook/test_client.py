"""One call, over TLS, to a real server; and what each answer means."""

import datetime as dt
import time
from collections.abc import Iterator
from email.utils import format_datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from hub.broker.guarded.certificates import Authority
from hub.errors import FatalError
from hub.sdk.access.signature import signing_secrets
from hub.sdk.errors import PermanentError, TransientError
from hub.sdk.sink_contract import Later, Never
from hub.sdk.sinks.addresses import networks
from hub.sdk.sinks.caller import judge, seconds_of
from hub.sdk.sinks.webhook.client import Receiver
from hub.testing.receiver import ReceiverAnswer, WebhookReceiver, webhook_receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LOOPBACK = networks(["127.0.0.0/8", "::1"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.kept_in(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def other_side(authority: Authority) -> Iterator[WebhookReceiver]:
    with webhook_receiver(authority.issued("receiver")) as receiver:
        yield receiver


@pytest.fixture
def receiver(authority: Authority, other_side: WebhookReceiver) -> Iterator[Receiver]:
    with Receiver(other_side.url, signing_secrets(SECRET), LOOPBACK, authority.certificate) as receiver:
        yield receiver


def test_a_call_is_signed_and_taken(receiver: Receiver, other_side: WebhookReceiver) -> None:
    assert receiver.deliver("order-1", b'{"a": 1}') is None
    (call,) = other_side.taken()
    assert Webhook(SECRET).verify(call.body, dict(call.headers)) == {"a": 1}
    assert call.headers["webhook-id"] == "order-1"
    assert call.headers["host"] == other_side.url.split("/")[2]
    assert call.headers["content-type"] == "application/cloudevents+json; charset=utf-8"


def test_a_certificate_of_nobody_is_not_spoken_to(other_side: WebhookReceiver) -> None:
    with (
        Receiver(other_side.url, signing_secrets(SECRET), LOOPBACK) as receiver,
        pytest.raises(TransientError, match="ConnectError"),
    ):
        receiver.deliver("order-1", b"{}")
    assert not other_side.calls


def test_a_certificate_of_another_name_is_not_spoken_to(authority: Authority, other_side: WebhookReceiver) -> None:
    """The call goes to a number, and the certificate is for the name that it was found by."""
    elsewhere = other_side.url.replace("localhost", "127.0.0.2")
    with (
        Receiver(elsewhere, signing_secrets(SECRET), LOOPBACK, authority.certificate) as receiver,
        pytest.raises(TransientError),
    ):
        receiver.deliver("order-1", b"{}")
    assert not other_side.calls


def test_an_address_inside_is_not_called(authority: Authority, other_side: WebhookReceiver) -> None:
    with (
        Receiver(other_side.url, signing_secrets(SECRET), (), authority.certificate) as receiver,
        pytest.raises(TransientError, match="is not public: list it"),
    ):
        receiver.deliver("order-1", b"{}")
    assert not other_side.calls


def test_a_redirection_is_not_followed(receiver: Receiver, other_side: WebhookReceiver) -> None:
    other_side.answers = lambda call: ReceiverAnswer(302, {"Location": other_side.url + "/elsewhere"})
    with pytest.raises(TransientError, match="it moved; redirects are not followed"):
        receiver.deliver("order-1", b"{}")
    assert len(other_side.calls) == 1


def test_what_is_answered_is_never_quoted(receiver: Receiver, other_side: WebhookReceiver) -> None:
    other_side.answers = lambda call: ReceiverAnswer(422, body=b"the phone of the reporter is 13800138000" * 10_000)
    assert receiver.deliver("order-1", b"{}") == Never("the receiver answered 422")


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_what_is_refused_for_good(status: int) -> None:
    assert judge(status, None, 0.0) == Never(f"the receiver answered {status}")


@pytest.mark.parametrize("status", [408, 425, 500, 502, 504])
def test_what_is_about_the_call(status: int) -> None:
    assert judge(status, "7", 0.0) == Later(f"the receiver answered {status}", 7.0)


@pytest.mark.parametrize("status", [401, 403, 404, 301, 429, 503])
def test_what_is_about_the_receiver(status: int) -> None:
    with pytest.raises(TransientError):
        judge(status, None, 0.0)


def test_how_long_a_receiver_asks_to_wait() -> None:
    with pytest.raises(TransientError) as caught:
        judge(429, "60", 0.0)
    assert (caught.value.asked, caught.value.wait_seconds) == (True, 60.0)


def test_a_receiver_that_is_gone() -> None:
    with pytest.raises(PermanentError, match="answered 410"):
        judge(410, None, 0.0)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_what_is_taken_is_taken(status: int) -> None:
    assert judge(status, None, 0.0) is None


def test_retry_after_is_seconds_or_a_date() -> None:
    now = time.time()
    in_a_minute = format_datetime(dt.datetime.fromtimestamp(int(now) + 60, dt.UTC), usegmt=True)
    assert seconds_of("120", now) == 120.0
    assert 58.0 < (seconds_of(in_a_minute, now) or 0) <= 60.0
    assert seconds_of("Wed, 21 Oct 2015 07:28:00 GMT", now) == 0.0
    assert [seconds_of(text, now) for text in (None, "", "soon", "-1", "1e9", "٣")] == [None] * 6


def test_a_file_without_certificates_is_told() -> None:
    with pytest.raises(FatalError, match="holds no certificates"):
        Receiver("https://hook.example/", signing_secrets(SECRET), ca=Path(__file__))

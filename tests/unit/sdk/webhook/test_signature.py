"""Signatures are those of Standard Webhooks, as its own library has them."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from hub.errors import FatalError
from hub.sdk.sinks.webhook.signature import headers, parsed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
secrets = st.binary(min_size=24, max_size=64).map(lambda raw: "whsec_" + base64.b64encode(raw).decode())
ids = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40)


def test_the_example_of_the_specification() -> None:
    made = headers(parsed(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.lists(secrets, min_size=1, max_size=3), ids, st.text())
def test_whoever_has_one_of_the_secrets_believes_it_and_nobody_else(texts: list[str], name: str, body: str) -> None:
    made = headers(parsed(" ".join(texts)), name, int(time.time()), body.encode())
    for text in texts:
        _verify(text, body, made)
    with pytest.raises(WebhookVerificationError):
        _verify(SECRET, body, made)
    with pytest.raises(WebhookVerificationError):
        _verify(texts[0], body + " ", made)


def _verify(secret: str, body: str, made: dict[str, str]) -> None:
    """The library reads JSON after that, which not every body here is."""
    try:
        Webhook(secret).verify(body, made)
    except ValueError as error:
        if isinstance(error, WebhookVerificationError):
            raise


@pytest.mark.parametrize(
    "text", ["", "hunter2hunter2hunter2hunter2", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!!", SECRET + " x"]
)
def test_what_is_no_secret_is_told_and_not_quoted(text: str) -> None:
    with pytest.raises(FatalError) as caught:
        parsed(text)
    assert all(word not in str(caught.value) for word in ("hunter2", "c2hvcnQ", "MfKQ"))

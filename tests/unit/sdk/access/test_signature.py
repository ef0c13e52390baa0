"""Signatures are those of Standard Webhooks, as its own library has them."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from hub.errors import FatalError
from hub.sdk.access.signature import ForgedError, headers, require_signed, signing_secrets

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
secrets = st.binary(min_size=24, max_size=64).map(lambda raw: "whsec_" + base64.b64encode(raw).decode())
ids = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40)


def test_the_example_of_the_specification() -> None:
    made = headers(signing_secrets(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.lists(secrets, min_size=1, max_size=3), ids, st.text())
def test_whoever_has_one_of_the_secrets_believes_it_and_nobody_else(texts: list[str], name: str, body: str) -> None:
    made = headers(signing_secrets(" ".join(texts)), name, int(time.time()), body.encode())
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
        signing_secrets(text)
    assert all(word not in str(caught.value) for word in ("hunter2", "c2hvcnQ", "MfKQ"))


@given(
    st.lists(secrets, min_size=1, max_size=3),
    st.sampled_from(["", "body", "id", "time", "secret", "old", "new", "no-id", "no-time", "no-signature", "words"]),
    ids,
    st.text(),
)
def test_what_is_believed_here_is_what_the_library_believes(
    texts: list[str], spoilt: str, name: str, body: str
) -> None:
    now = int(time.time())
    at = {"old": now - 900, "new": now + 900}.get(spoilt, now - 60)
    signer = SECRET if spoilt == "secret" else " ".join(texts)
    made = headers(signing_secrets(signer), name, at, body.encode())
    made |= {"id": {"webhook-id": name + "x"}, "time": {"webhook-timestamp": str(at + 1)}}.get(spoilt, {})
    made |= {"words": {"webhook-signature": f"v2,AAAA {made['webhook-signature']}"}}.get(spoilt, {})
    missing = {"no-id": "webhook-id", "no-time": "webhook-timestamp", "no-signature": "webhook-signature"}
    if spoilt in missing:
        made[missing[spoilt]] = ""
    came = body + " " if spoilt == "body" else body
    believed = all(_believes(text, came, made) for text in texts)
    try:
        assert require_signed(signing_secrets(" ".join(texts)), made, came.encode(), now) == name
        assert believed
    except ForgedError:
        assert not believed


def _believes(text: str, body: str, made: dict[str, str]) -> bool:
    try:
        _verify(text, body, made)
    except WebhookVerificationError:
        return False
    return True


@pytest.mark.parametrize("time_", ["soon", "1e9", "-5", " 7", "9" * 400, "٣", "nan", "inf"])
def test_a_time_that_is_none_is_refused_and_not_quoted(time_: str) -> None:
    made = headers(signing_secrets(SECRET), "msg", 7, b"{}") | {"webhook-timestamp": time_}
    with pytest.raises(ForgedError) as caught:
        require_signed(signing_secrets(SECRET), made, b"{}", 7)
    assert time_ not in str(caught.value)


@pytest.mark.parametrize("words", ["v1", "v1,", ",", "v1,é", "v1," + "A" * 43, "v1,=", "v2,g0hM9SsE"])
def test_a_signature_that_is_none_is_refused_and_no_defect(words: str) -> None:
    made = headers(signing_secrets(SECRET), "msg", 7, b"{}") | {"webhook-signature": words}
    with pytest.raises(ForgedError):
        require_signed(signing_secrets(SECRET), made, b"{}", 7)


def test_either_of_two_secrets_is_believed_while_one_takes_the_place_of_the_other() -> None:
    other = "whsec_" + base64.b64encode(b"x" * 24).decode()
    made = headers(signing_secrets(other), "msg", 7, b"{}")
    assert require_signed(signing_secrets(f"{SECRET} {other}"), made, b"{}", 7) == "msg"
    with pytest.raises(ForgedError):
        require_signed(signing_secrets(SECRET), made, b"{}", 7)

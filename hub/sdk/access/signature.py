"""Signatures of Standard Webhooks: `v1,` and the HMAC-SHA256 of `id.timestamp.body`, base64. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

from hub.errors import FatalError

TOLERANCE_SECONDS = 300

_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64


class ForgedError(ValueError):
    """A call that nobody who has a secret has made, or not lately. The text says why, and quotes nothing."""


def signing_secrets(text: str) -> list[bytes]:
    """The secrets of a text, by spaces: more than one while one takes the place of the other. Raises FatalError, quoting none."""
    secrets = [_secret(word) for word in text.split()]
    if not secrets:
        raise FatalError("there is no secret: give one like whsec_… (`whsec_` and 24 to 64 random bytes in base64)")
    return secrets


def headers(secrets: Sequence[bytes], message_id: str, at_seconds: int, body: bytes) -> dict[str, str]:
    """What goes with a body; `message_id` is the same for each try, time and signatures are the try's own."""
    signed = f"{message_id}.{at_seconds}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def require_signed(
    secrets: Sequence[bytes],
    given: Mapping[str, str],
    body: bytes,
    now_seconds: float,
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> str:
    """The id of a message that one of `secrets` has signed within the tolerance. Raises ForgedError.

    `given`: the call's headers by lower-case name, as HTTP has them (each character a byte).
    """
    message_id, at, signatures = (given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (message_id and at and signatures):
        raise ForgedError("webhook-id, webhook-timestamp and webhook-signature are needed")
    if not re.fullmatch(r"[0-9]{1,12}", at, re.ASCII):
        raise ForgedError("webhook-timestamp is not in seconds since 1970")
    if abs(now_seconds - int(at)) > tolerance_seconds:
        raise ForgedError("webhook-timestamp is too far from now; sign each try anew, and look at both clocks")
    signed = f"{message_id}.{at}.".encode("latin-1", "replace") + body
    words = [word.encode("latin-1", "replace") for word in signatures.split()]
    valid = [f"v1,{_signature(secret, signed)}".encode() for secret in secrets]
    if not any(hmac.compare_digest(one, other) for one in valid for other in words):
        raise ForgedError("no webhook-signature is by a secret that is known here")
    return message_id


def _secret(word: str) -> bytes:
    try:
        secret = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not word.startswith(_PREFIX) or not _LEAST_BYTES <= len(secret) <= _MOST_BYTES:
        raise FatalError(
            f"a secret is `{_PREFIX}` and {_LEAST_BYTES} to {_MOST_BYTES} random bytes in base64; this one is not"
        )
    return secret


def _signature(secret: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()

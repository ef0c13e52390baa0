"""Signatures of Standard Webhooks: `v1,` and the HMAC-SHA256 of `id.timestamp.body`, base64. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from hub.errors import FatalError

_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64


def parsed(text: str) -> list[bytes]:
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

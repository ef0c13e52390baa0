"""What a source of calls is told: where it listens, and how it knows who calls."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hub.errors import FatalError
from hub.sdk.access.loopback import is_loopback
from hub.sdk.access.signature import TOLERANCE_SECONDS, ForgedError, require_signed, signing_secrets
from hub.sdk.contract import Config
from hub.sdk.secrets import Secret


class _Auth(BaseModel):
    """`admit` gives what makes a call one, so that it is known when it comes again; None where nobody can tell.

    Raises ForgedError.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @property
    def remember_seconds(self) -> float:
        """How long a call could come again and be admitted."""
        return 0


class Standard(_Auth):
    """Standard Webhooks: each try is signed, with its time.

    XXX: the signature is of the body. It does not cover the headers of a CloudEvent in binary mode: sign structured ones.
    """

    kind: Literal["standard"]
    secret: Secret = Field(description="whsec_…; two, with a blank between, while one takes the place of the other")
    tolerance_seconds: float = Field(TOLERANCE_SECONDS, gt=0, le=3600, description="a call older than that is refused")

    @field_validator("secret")
    @classmethod
    def _is_one(cls, value: Secret) -> Secret:
        try:
            signing_secrets(value.get_secret_value())
        except FatalError as error:
            raise ValueError(str(error)) from None
        return value

    def admit(self, headers: Mapping[str, str], body: bytes, now_seconds: float) -> bytes | None:
        secrets = signing_secrets(self.secret.get_secret_value())
        message_id = require_signed(secrets, headers, body, now_seconds, self.tolerance_seconds)
        # of two bodies under one id neither is dropped
        return hashlib.sha256(message_id.encode() + b"\0" + body).digest()

    @property
    def remember_seconds(self) -> float:
        """A call may be dated ahead by the tolerance, and come again until it is behind by as much."""
        return 2 * self.tolerance_seconds + 60


class BearerCheck(_Auth):
    """`Authorization: Bearer ...`. Whoever sees one call can make others: for a line that is guarded otherwise."""

    kind: Literal["bearer"]
    token: Secret

    def admit(self, headers: Mapping[str, str], body: bytes, now_seconds: float) -> bytes | None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        _require_same(token.strip() if scheme.lower() == "bearer" else "", self.token)
        return None


class HeaderCheck(_Auth):
    """A secret in a header of the system's own; as for `bearer`."""

    kind: Literal["header"]
    name: str = "X-Api-Key"
    value: Secret

    def admit(self, headers: Mapping[str, str], body: bytes, now_seconds: float) -> bytes | None:
        _require_same(headers.get(self.name.lower(), ""), self.value)
        return None


CallerCheck = Annotated[Standard | BearerCheck | HeaderCheck, Field(discriminator="kind")]


class WebhookConfig(Config):
    """One address that one system calls. TLS is for the proxy in front of it."""

    host: str = Field("127.0.0.1", description="where it listens; another than loopback asks for auth")
    port: int = Field(ge=0, le=65535, description="0: any that is free")
    path: str = "/"
    auth: CallerCheck | None = None
    max_body_bytes: int = Field(1024 * 1024, ge=1024, le=16 * 1024 * 1024, description="a longer call is refused")
    max_connections: int = Field(64, ge=1, le=4096)
    answer_seconds: float = Field(
        10, gt=0, le=60, description="a call that Kafka does not have by then is answered with 503"
    )

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, value: str) -> str:
        if not value.startswith("/") or any(sign in value for sign in "?#{} "):
            raise ValueError("write a path like /events, without ?, #, braces or blanks")
        return value

    @model_validator(mode="after")
    def _knows_who_calls(self) -> Self:
        if self.auth is None and not is_loopback(self.host):
            raise ValueError("auth is needed where others than this machine can call: standard, bearer or header")
        return self


def _require_same(given: str, wanted: Secret) -> None:
    if not hmac.compare_digest(given.encode("latin-1", "replace"), wanted.get_secret_value().encode()):
        raise ForgedError("the secret in the header is missing, or is another")

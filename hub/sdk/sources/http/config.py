"""What a source of HTTP is told. All of it is data: a connector's manifest has what is true of the system, an edge the rest."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hub.sdk.contract import Config
from hub.sdk.mapping.specs import known_zone
from hub.sdk.mapping.times import require_formats
from hub.sdk.secrets import Secret
from hub.sdk.sources.http.paging import Paging, PagingNone


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class BearerAuth(_Strict):
    """`Authorization: Bearer ...`."""

    kind: Literal["bearer"]
    token: Secret


class Basic(_Strict):
    kind: Literal["basic"]
    user: str
    password: Secret


class HeaderAuth(_Strict):
    """A header of the system's own, `X-Api-Key` for one."""

    kind: Literal["header"]
    name: str = "X-Api-Key"
    value: Secret


class Query(_Strict):
    """A parameter of the address. It is kept out of positions, letters and errors."""

    kind: Literal["query"]
    name: str = "api_key"
    value: Secret


class ClientCredentials(_Strict):
    """OAuth 2: a token is fetched with a client's secret, and again when it is over (RFC 6749, 4.4)."""

    kind: Literal["oauth2"]
    token_url: str
    client_id: str
    client_secret: Secret
    scope: str = ""


CallAuth = Annotated[BearerAuth | Basic | HeaderAuth | Query | ClientCredentials, Field(discriminator="kind")]


class Incremental(_Strict):
    """Only what is new is asked for: since the newest that a sweep has seen, less an overlap: transactions are late."""

    field: str = Field(description="column of an item that says when it changed last")
    formats: tuple[str, ...] = Field(
        ("iso",), description="how the system writes it: iso, epoch_s, epoch_ms, ymd, strptime patterns"
    )
    time_zone: str = Field("UTC", description="of times that do not say")
    param: str | None = Field(
        None, description="parameter that asks for what changed since; null: all is asked for each time"
    )
    param_format: str = Field("iso", description="how the parameter is written: iso, date, epoch_s, epoch_ms")
    overlap_minutes: float = Field(10, ge=0, description="read again before the newest; the hub knows repeats")
    start: str | None = Field(None, description="ISO time from which a first run reads; null: from the beginning")

    @field_validator("formats")
    @classmethod
    def _formats_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        require_formats(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return known_zone(value)


class CallsConfig(Config):
    """Where one system is, who calls it, and how often."""

    base_url: str = Field(description="scheme and host, with a path that all addresses share, if there is one")
    params: dict[str, str | int] = Field({}, description="sent with every call")
    headers: dict[str, str] = Field({}, description="sent with every call; secrets belong under auth")
    auth: CallAuth | None = None
    every_seconds: float = Field(60, gt=0, description="rest between two sweeps")
    once: bool = Field(False, description="one sweep, and done")
    calls_per_minute: float = Field(60, gt=0, description="more are never made")
    timeout_seconds: float = Field(30, gt=0, le=600, description="without a byte for so long, a call is given up")
    max_body_bytes: int = Field(16 * 1024 * 1024, ge=1024, description="a longer answer is refused")

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("write scheme and host: https://example.org/api")
        if parts.username or parts.password:
            raise ValueError("credentials stand in the address; give them under auth")
        if parts.query or parts.fragment:
            raise ValueError("give what is behind the question mark under params")
        return value.rstrip("/")


class HttpConfig(CallsConfig):
    """One list of one system."""

    path: str = Field("/", description="of the list, behind base_url")
    items: str = Field(
        "", description="where the list is in the answer (`data.requests`); empty: the answer is the list"
    )
    paging: Paging = PagingNone(kind="none")
    incremental: Incremental | None = None
    max_pages: int = Field(100_000, ge=1, description="of one sweep: more are a loop")

    @field_validator("path")
    @classmethod
    def _begins_with_a_slash(cls, value: str) -> str:
        if "?" in value or "#" in value:
            raise ValueError("give what is behind the question mark under params")
        return value if value.startswith("/") else f"/{value}"

    @model_validator(mode="after")
    def _windows_have_a_beginning(self) -> Self:
        if self.paging.kind == "window" and (self.incremental is None or self.incremental.start is None):
            raise ValueError("paging by window needs incremental with a start: the first window begins there")
        return self

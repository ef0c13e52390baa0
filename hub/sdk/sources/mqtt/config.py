"""What a source of messages is told: where the broker is, who asks, and which topics it hears."""

from __future__ import annotations

from itertools import combinations
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from hub.sdk.access.loopback import is_loopback
from hub.sdk.access.tls import Tls
from hub.sdk.contract import Config
from hub.sdk.secrets import Secret
from hub.sdk.sources.mqtt.damping import DampingSpec
from hub.sdk.sources.mqtt.topics import TopicFilter, topic_filter


class TopicSpec(BaseModel):
    """One filter. A bare string in YAML is short for `{filter: ...}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filter: str = Field(
        description="city/{district}/alarm/{device}: a named level is read as topic.<name>; + and # are as ever"
    )
    mapping: str | None = Field(None, description="of its messages; without it the edge's")

    @field_validator("filter")
    @classmethod
    def _is_one(cls, value: str) -> str:
        return topic_filter(value).text

    @property
    def parsed(self) -> TopicFilter:
        return topic_filter(self.filter)


def _short(value: Any) -> Any:
    return {"filter": value} if isinstance(value, str) else value


class Connection(Config):
    """How a broker of MQTT is reached."""

    host: str
    port: int = Field(1883, ge=1, le=65535, description="8883 with tls, as a rule")
    client_id: str = Field(
        min_length=1,
        max_length=128,
        description="one for each edge, for ever: by it the broker keeps what was not acknowledged",
    )
    user: str | None = None
    password: Secret | None = None
    tls: Tls | None = None
    unguarded: bool = Field(False, description="true: the password may go over the wire in the clear")
    protocol: Literal["5", "3.1.1"] = "5"
    keep_alive_seconds: int = Field(60, ge=5, le=3600)
    timeout_seconds: float = Field(20, gt=0, le=300, description="for the broker to answer")

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        if self.password is not None and self.user is None:
            raise ValueError("a password and no user; give both")
        if self.password is not None and self.tls is None and not self.unguarded and not is_loopback(self.host):
            raise ValueError(
                "the password would go over the wire in the clear: give tls ({} is enough), or unguarded: true"
            )
        return self


class MqttConfig(Connection):
    """One broker, heard by one client with a session that the broker keeps."""

    topics: tuple[Annotated[TopicSpec, BeforeValidator(_short)], ...] = Field(min_length=1, max_length=50)
    session_days: float = Field(
        7, gt=0, le=365, description="so long the broker keeps what comes while nobody is there (5)"
    )
    window: int = Field(
        500, ge=10, le=10_000, description="messages that the broker sends without an acknowledgement (5)"
    )
    max_payload_bytes: int = Field(262_144, ge=1024, le=16 * 1024 * 1024, description="a longer one is set aside")
    damping: DampingSpec | None = Field(None, description="of things that flap")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for one, other in combinations(self.topics, 2):
            if one.parsed.overlaps(other.parsed):
                raise ValueError(
                    f"topics {one.filter} and {other.filter} share topics: those would come twice; part them"
                )
        return self

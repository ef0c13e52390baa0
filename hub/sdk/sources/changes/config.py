"""What a source of change events is told: which Kafka, which topics, which registry. It may be the hub's Kafka, or another."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hub.sdk.access.loopback import is_loopback
from hub.sdk.access.tls import Tls
from hub.sdk.contract import Config
from hub.sdk.secrets import Secret


class Login(BaseModel):
    """A user of that Kafka."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    user: str
    password: Secret


class RegistryConfig(BaseModel):
    """A Confluent-compatible registry, for changes in Avro."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://[^@\s]+$", description="without a login")
    user: str | None = None
    password: Secret | None = None


class ChangesConfig(Config):
    """Topics of one or several tables. Where one mapping does not fit all, let each table have its edge."""

    bootstrap_servers: str
    topics: tuple[str, ...] = Field(min_length=1, max_length=100, description="one a table, as Debezium names them")
    login: Login | None = None
    tls: Tls | None = None
    registry: RegistryConfig | None = Field(None, description="of changes in Avro; without it they are JSON")
    once: bool = Field(False, description="to the end of what is there, and done")
    timeout_seconds: float = Field(30, gt=0, le=300, description="for the brokers and the registry to answer")

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        hosts = [each.rpartition(":")[0] for each in self.bootstrap_servers.split(",")]
        if self.login is not None and self.tls is None and not all(map(is_loopback, hosts)):
            raise ValueError("the password would go over the wire in the clear: give tls ({} is enough)")
        return self

    def client(self) -> dict[str, Any]:
        """For librdkafka."""
        protocol = {
            (False, False): "PLAINTEXT",
            (True, False): "SSL",
            (False, True): "SASL_PLAINTEXT",
            (True, True): "SASL_SSL",
        }
        found: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": protocol[self.tls is not None, self.login is not None],
        }
        if self.login is not None:
            found |= {
                "sasl.mechanism": self.login.mechanism,
                "sasl.username": self.login.user,
                "sasl.password": self.login.password.get_secret_value(),
            }
        files = {"ssl.ca.location": "ca", "ssl.certificate.location": "certificate", "ssl.key.location": "key"}
        return found | {name: str(path) for name, each in files.items() if (path := getattr(self.tls, each, None))}

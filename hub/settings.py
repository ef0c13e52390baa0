"""What one installation of the hub is told from outside: read from the environment (`CITYHUB_*`) and the command line, once."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.clock import ClockKind

ROOT = Path(__file__).resolve().parents[1]
"""Where hub/, connectors/, schemas/ and ops/ lie side by side, in a checkout as in an installed wheel."""


class Settings(BaseModel):
    """Every field has an environment variable of its name: `partitions` is `CITYHUB_PARTITIONS`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str = Field("127.0.0.1:9092", description="Kafka to use, host:port[,host:port]")
    registry_url: str | None = Field(
        None, description="Confluent-compatible schema registry; without it the files in schemas/ serve"
    )
    namespace: str = Field(
        "", description="prefix of all topics, groups and transactional ids, so that several hubs share a Kafka"
    )
    partitions: int = Field(6, ge=1, description="partitions of every hub topic; fixed for the life of a hub")
    replication_factor: int = Field(1, ge=1, description="copies of every topic; 3 where three brokers are")
    city: Path = Field(ROOT / "ops" / "cities" / "demo", description="policy folder")
    clock: ClockKind = Field(ClockKind.WALL, description="wall when live, data when history is replayed")
    lateness_seconds: float = Field(
        0.0, ge=0, description="data clock only: how far behind the newest report deadlines are judged"
    )
    ahead_seconds: float = Field(
        900.0, ge=0, description="wall clock only: how far ahead of its arrival a report or update may be dated"
    )
    clock_apart_seconds: float = Field(
        60.0,
        gt=0,
        description="wall clock only: how far it may be from the broker's before nothing is said to have run out",
    )
    instance: str = Field(
        default_factory=socket.gethostname,
        validate_default=True,
        pattern=r"^[\w.:@/-]{1,200}$",
        description="names this worker; two workers must differ",
    )
    control_key: SecretStr | None = Field(
        None,
        min_length=16,
        description="secret that workers and operators share; with it, what is not signed on the control topic is not believed",
    )
    state_dir: Path = Field(
        Path(".cityhub"), description="Faust's datadir, connectors' cursors, the embedded broker's data"
    )
    web_host: str = Field("127.0.0.1", description="address the worker's pages listen on")
    web_port: int = Field(6066, ge=0, le=65535, description="/metrics, /healthz, /readyz, /sources")
    chunk_records: int = Field(2000, ge=1, description="records in one transaction at most")
    chunk_wait_ms: int = Field(50, ge=1, description="how long a chunk waits to fill")
    dedup_window_days: float = Field(
        7.0, gt=0, le=30, description="how long a (source, ref, revision) is remembered; its changelog is kept 30 days"
    )
    closed_case_days: float = Field(
        90.0, gt=0, description="live: how long a case that is over is remembered, for late reports"
    )
    transaction_timeout_ms: int = Field(
        10_000, ge=1000, description="after this the broker aborts the transaction of a worker that is gone"
    )
    session_timeout_ms: int = Field(
        10_000, ge=1000, description="after this a silent worker's partitions go to the others"
    )
    dead_letter_ratio: float = Field(
        0.5, gt=0, le=1, description="share of rejects in a source's last 1,000 records past which it is paused"
    )
    dead_letter_run: int = Field(500, ge=1, description="rejects in a row past which a source is paused")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """The environment's settings, with `overrides` that are not None on top.

        Raises pydantic.ValidationError, which names the field and what is wrong with it.
        """
        env = os.environ if env is None else env
        found: dict[str, Any] = {
            name: env[f"CITYHUB_{name.upper()}"] for name in cls.model_fields if env.get(f"CITYHUB_{name.upper()}")
        }
        found.update({name: value for name, value in overrides.items() if value is not None})
        return cls(**found)

    @property
    def control_secret(self) -> str | None:
        """`control_key` in plain text."""
        return self.control_key.get_secret_value() if self.control_key else None

    def topic(self, name: str) -> str:
        """A topic's name on the broker."""
        return self.namespace + name

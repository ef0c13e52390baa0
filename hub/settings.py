"""What one installation of the hub is told from outside: read from the environment (`CITYHUB_*`), from the files it names secrets
by, and from the command line, once."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from hub.clock import ClockKind
from hub.errors import FatalError

ROOT = Path(__file__).resolve().parents[1]
"""Where hub/, connectors/, schemas/ and ops/ lie side by side, in a checkout as in an installed wheel."""
PREFIX = "CITYHUB_"
_MAX_SECRET_BYTES = 65_536


class SettingsError(FatalError):
    """What the hub was told cannot be used; each of `problems` names the variable and what is wrong with it, never its value."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Settings(BaseSettings):
    """Every field has an environment variable of its name: `partitions` is `CITYHUB_PARTITIONS`. A secret may stand in a file that
    the variable with `_FILE` after its name gives: `CITYHUB_CONTROL_KEY_FILE`.

    `Settings(...)` is what it is given, and the defaults; `from_env` alone looks at the environment.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

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
    chunk_records: int = Field(2000, ge=1, le=10_000, description="records in one transaction at most")
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
        """The environment's settings, with `overrides` that are not None on top. Raises SettingsError with every mistake."""
        environment = _Environment(cls, os.environ if env is None else env)
        found = environment() | {name: value for name, value in overrides.items() if value is not None}
        problems = environment.problems
        try:
            settings = cls(**found)
        except ValidationError as error:
            problems += [f"{variable(str(one['loc'][0]))}: {_in_words(one)}" for one in error.errors()]
        if problems:
            raise SettingsError(problems)
        return settings

    def changed(self, **changes: Any) -> Self:
        """With those of `changes` that are not None. Raises SettingsError."""
        return type(self).from_env({}, **self.model_dump() | {k: v for k, v in changes.items() if v is not None})

    @classmethod
    def secrets(cls) -> frozenset[str]:
        """The fields that no one may see."""
        return frozenset(name for name, field in cls.model_fields.items() if SecretStr in get_args(field.annotation))

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """Every variable of the environment that is read."""
        files = cls.secrets()
        return tuple(name for field in cls.model_fields for name in _variables(field, file=field in files))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @property
    def control_secret(self) -> str | None:
        """`control_key` in plain text."""
        return self.control_key.get_secret_value() if self.control_key else None

    def topic(self, name: str) -> str:
        """A topic's name on the broker."""
        return self.namespace + name


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def _in_words(error: ErrorDetails) -> str:
    if error["type"] == "too_short":  # of a secret: pydantic speaks of items, and of how many there are
        return f"give at least {error['ctx']['min_length']} characters"
    return error["msg"]


def _variables(field: str, *, file: bool) -> tuple[str, ...]:
    return (variable(field), variable(field) + "_FILE") if file else (variable(field),)


class _Environment(EnvSettingsSource):
    """An environment as settings: variables, and files that hold secrets. What is wrong with a file is noted in `problems`."""

    def __init__(self, settings: type[Settings], env: Mapping[str, str]) -> None:
        super().__init__(settings)
        self.env_vars = {name.lower(): value for name, value in env.items() if value}
        self._secrets = settings.secrets()
        self.problems: list[str] = []

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        value, key, is_complex = super().get_field_value(field, field_name)
        if field_name in self._secrets and (file := self.env_vars.get(f"{variable(field_name)}_FILE".lower())):
            value = self._secret(variable(field_name), Path(file), value)
        return value, key, is_complex

    def _secret(self, name: str, file: Path, value: Any) -> str | None:
        if value is not None:
            self.problems.append(f"{name} and {name}_FILE are both set; keep one of the two")
            return None
        try:
            return _content(file)
        except (OSError, ValueError) as error:
            self.problems.append(f"{name}_FILE names {file}, which holds no secret: {error}")
            return None


def _content(file: Path) -> str:
    """What a file holds, without the line end after it. Raises OSError or ValueError, which do not quote it."""
    if not file.is_file():
        raise ValueError("it is no regular file")
    with file.open("rb") as opened:
        content = opened.read(_MAX_SECRET_BYTES + 1)
    if len(content) > _MAX_SECRET_BYTES:
        raise ValueError(f"it has more than {_MAX_SECRET_BYTES:,} bytes")
    try:
        secret = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    if not secret:
        raise ValueError("it is empty")
    return secret

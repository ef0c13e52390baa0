"""What one installation of the hub is told from outside: read from the environment (`CITYHUB_*`), from the files it names secrets
by, and from the command line, once."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import Field, FilePath, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from hub.clock import ClockKind
from hub.errors import FatalError
from hub.logs import LogFormat

ROOT = Path(__file__).resolve().parents[1]
"""Where hub/, connectors/, schemas/ and ops/ lie side by side, in a checkout as in an installed wheel."""
PREFIX = "CITYHUB_"
_MAX_SECRET_BYTES = 65_536


class SettingsError(FatalError):
    """What the hub was told cannot be used; each of `problems` names the variable and what is wrong with it, never its value."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Security(StrEnum):
    """How a client and Kafka make sure of each other. All but `plaintext` is TLS."""

    PLAINTEXT = "plaintext"
    TLS = "tls"
    """The broker shows a certificate; the hub too, if it has one (mTLS)."""
    SCRAM = "scram"
    OAUTH = "oauth"


class ScramMechanism(StrEnum):
    """What passwords are hashed with."""

    SHA_512 = "SCRAM-SHA-512"
    SHA_256 = "SCRAM-SHA-256"


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
    registry_user: str | None = Field(None, description="who this is to the registry (basic authentication)")
    registry_password: SecretStr | None = Field(None, description="the password that goes with it")
    registry_ca: FilePath | None = Field(
        None, description="certificates (PEM) that vouch for the registry; without it, those of public authorities"
    )
    kafka_security: Security = Field(
        Security.PLAINTEXT,
        description="plaintext, or TLS and: `tls` nothing, or the hub's own certificate; `scram` a user and a password; "
        "`oauth` a token that is fetched with a client's id and secret",
    )
    kafka_ca: FilePath | None = Field(
        None, description="certificates (PEM) that vouch for the brokers; without it, those that the system trusts"
    )
    kafka_certificate: FilePath | None = Field(
        None, description="the hub's own certificate (PEM), where brokers ask for one"
    )
    kafka_key: FilePath | None = Field(None, description="the private key (PEM) that goes with it")
    kafka_key_password: SecretStr | None = Field(None, description="what that key is encrypted with, if it is")
    kafka_user: str | None = Field(None, description="`scram`: who this is; `oauth`: the client's id")
    kafka_password: SecretStr | None = Field(None, description="`scram`: the password; `oauth`: the client's secret")
    kafka_mechanism: ScramMechanism = Field(
        ScramMechanism.SHA_512, description="`scram`: what the password is hashed with"
    )
    kafka_token_url: str | None = Field(
        None, pattern=r"^https?://", description="`oauth`: where tokens are fetched (OIDC client credentials)"
    )
    kafka_token_scope: str | None = Field(None, description="`oauth`: the scope to ask for")
    kafka_token_ca: FilePath | None = Field(
        None, description="`oauth`: certificates (PEM) that vouch for it; without it, those that the system trusts"
    )
    namespace: str = Field(
        "", description="prefix of all topics, groups and transactional ids, so that several hubs share a Kafka"
    )
    partitions: int = Field(6, ge=1, description="partitions of every hub topic; fixed for the life of a hub")
    replication_factor: int = Field(1, ge=1, description="copies of every topic; 3 where three brokers are")
    city: Path = Field(ROOT / "ops" / "cities" / "demo", description="policy folder")
    connectors: Path | None = Field(
        None, description="connectors.yaml: which systems this installation reads, and how (docs/connectors.md)"
    )
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
    log_format: LogFormat = Field(
        LogFormat.TEXT,
        description="`text`, or `json`: one object a line, with case and event, for whoever gathers logs",
    )
    traces: Path | None = Field(
        None,
        description="off by default: the file that spans of sampled records are appended to, as OTLP JSON lines",
    )
    traces_share: float = Field(
        0.001, ge=0, le=1, description="of what connectors and the web publish, the share with which a trace begins"
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
        description="secret that workers and operators share; with it, what is not signed on hub.control, hub.workers and "
        "hub.sources is not believed",
    )
    state_dir: Path = Field(
        Path(".cityhub"), description="Faust's datadir, connectors' positions and states, the embedded broker's data"
    )
    ledger_url: str | None = Field(
        None,
        description="where the ledger 台账 lies: postgresql+psycopg://user@host/database or sqlite:///path, without a password; "
        "without it, a file in the state directory",
    )
    ledger_password: SecretStr | None = Field(None, description="the password that goes with it")
    ledger_days: float = Field(
        400.0, gt=0, description="how long the ledger keeps a case that is over; topics keep its changes 400 days"
    )
    oidc_issuer: str | None = Field(
        None,
        pattern=r"^https?://",
        description="who vouches for people that log in to the web (OpenID Connect): its issuer",
    )
    oidc_client_id: str | None = Field(None, description="what the web is called there")
    oidc_client_secret: SecretStr | None = Field(
        None, description="the secret that goes with it; none for a public client"
    )
    oidc_ca: FilePath | None = Field(
        None, description="certificates (PEM) that vouch for it; without it, public authorities"
    )
    oidc_roles: str | None = Field(
        None, description="which of its groups have which roles: `GROUP=ROLE; GROUP=department:ID; …`"
    )
    oidc_roles_claim: str = Field("groups", description="the claim of its tokens that names somebody's groups")
    oidc_name_claim: str = Field(
        "preferred_username", description="the claim that names somebody, for lists and the trail"
    )
    web_host: str = Field("127.0.0.1", description="address the worker's pages listen on")
    web_port: int = Field(6066, ge=0, le=65535, description="/metrics, /healthz, /readyz, /sources")
    chunk_records: int = Field(2000, ge=1, le=10_000, description="records in one transaction at most")
    chunk_wait_ms: int = Field(50, ge=1, description="how long a chunk waits to fill")
    dedup_window_days: float = Field(
        7.0, gt=0, le=30, description="how long a (source, ref, revision) is remembered; its changelog is kept 30 days"
    )
    closed_case_days: float = Field(
        90.0,
        gt=0,
        description="live: how long a case that is over, and all of whose clocks ended or ran out, is remembered, for late reports",
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
            problems += [problem for one in error.errors() for problem in _problems(one)]
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

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if problems := [*_kafka_problems(self), *_registry_problems(self), *_oidc_problems(self)]:
            raise ValueError("\n".join(problems))
        return self

    def on_this_machine(self, bootstrap_servers: str) -> Self:
        """The same for an embedded Kafka, which asks nobody who he is."""
        plain = {name: field.get_default() for name, field in type(self).model_fields.items() if name in _KAFKA}
        return self.model_copy(update={**plain, "bootstrap_servers": bootstrap_servers})

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


_KAFKA = frozenset(name for name in Settings.model_fields if name.startswith("kafka_"))
_TLS = frozenset({"kafka_security", "kafka_ca", "kafka_certificate", "kafka_key", "kafka_key_password"})
_USES = {
    Security.PLAINTEXT: frozenset({"kafka_security"}),
    Security.TLS: _TLS,
    Security.SCRAM: _TLS | {"kafka_user", "kafka_password", "kafka_mechanism"},
    Security.OAUTH: _TLS | {"kafka_user", "kafka_password", "kafka_token_url", "kafka_token_scope", "kafka_token_ca"},
}
_NEEDS = {
    Security.SCRAM: ("kafka_user", "kafka_password"),
    Security.OAUTH: ("kafka_user", "kafka_password", "kafka_token_url"),
}


def _kafka_problems(settings: Settings) -> Iterator[str]:
    """What is missing, and what would go unused: who gives a password does not want to be sent in the clear."""
    security, name = settings.kafka_security, variable("kafka_security")
    for field in _NEEDS.get(security, ()):
        if getattr(settings, field) is None:
            yield f"{variable(field)}: {name}={security} needs it"
    for field in sorted(_KAFKA - _USES[security]):
        if getattr(settings, field) != Settings.model_fields[field].get_default():
            fits = " or ".join(each for each in Security if field in _USES[each])
            yield f"{variable(field)}: it is of no use with {name}={security}; set {name} to {fits}, or leave it out"
    if (settings.kafka_certificate is None) != (settings.kafka_key is None):
        yield f"{variable('kafka_certificate')} and {variable('kafka_key')}: give both, or none"
    if settings.kafka_token_url is not None and not settings.kafka_token_url.startswith(_UNHEARD):
        yield f"{variable('kafka_token_url')}: a secret goes over https only"


def _registry_problems(settings: Settings) -> Iterator[str]:
    url = settings.registry_url or ""
    if (settings.registry_user is None) != (settings.registry_password is None):
        yield f"{variable('registry_user')} and {variable('registry_password')}: give both, or none"
    if settings.registry_password is not None and not url.startswith(_UNHEARD):
        yield f"{variable('registry_url')}: a password goes over https only"


def _oidc_problems(settings: Settings) -> Iterator[str]:
    wanted = [settings.oidc_issuer, settings.oidc_client_id, settings.oidc_roles]
    if any(wanted) and not all(wanted):
        yield " and ".join(map(variable, ("oidc_issuer", "oidc_client_id", "oidc_roles"))) + ": give all, or none"
    if settings.oidc_issuer is not None and not settings.oidc_issuer.startswith(_UNHEARD):
        yield f"{variable('oidc_issuer')}: https only; who can change what it says lets anybody in"


_UNHEARD = ("https://", "http://127.0.0.1:", "http://localhost:", "http://[::1]:")
"""Where a password may be sent to: nobody listens on the way."""


def _problems(error: ErrorDetails) -> list[str]:
    if not error["loc"]:  # of several together, which name themselves
        return error["msg"].removeprefix("Value error, ").split("\n")
    return [f"{variable(str(error['loc'][0]))}: {_in_words(error)}"]


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
            return secret_in(file)
        except (OSError, ValueError) as error:
            self.problems.append(f"{name}_FILE names {file}, which holds no secret: {error}")
            return None


def secret_in(file: Path) -> str:
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

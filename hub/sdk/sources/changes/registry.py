"""Schemas of a Confluent-compatible registry, by id."""

from __future__ import annotations

import httpx2

from hub.declared.texts import parse_json
from hub.errors import Reason, RejectedRecordError
from hub.sdk.errors import AuthError, ConfigurationError, TransientError
from hub.sdk.sources.changes.config import RegistryConfig

_MOST_BYTES = 4 * 1024 * 1024


class RegistryClient:
    """Asks for each schema when it is needed; who decodes keeps it."""

    def __init__(self, registry: RegistryConfig, timeout_seconds: float) -> None:
        password = registry.password.get_secret_value() if registry.password else ""
        self._url = registry.url.rstrip("/")
        self._client = httpx2.Client(
            timeout=timeout_seconds,
            auth=(registry.user, password) if registry.user else None,
            follow_redirects=False,
            trust_env=False,
        )

    def text_of(self, number: int) -> str:
        """Raises RejectedRecordError(unknown_schema), TransientError, AuthError, ConfigurationError."""
        try:
            answer = self._client.get(f"{self._url}/schemas/ids/{number}")
        except httpx2.TransportError as error:
            raise TransientError(f"the registry at {self._url} cannot be reached ({type(error).__name__})") from error
        said = f"the registry at {self._url} answered {answer.status_code}"
        if answer.status_code == 404:
            raise RejectedRecordError(Reason.UNKNOWN_SCHEMA, f"no schema has id {number} at the registry of this edge")
        if answer.status_code in (401, 403):
            raise AuthError(f"{said}: look at registry.user and registry.password")
        if answer.status_code in (408, 429) or answer.status_code >= 500:
            raise TransientError(said)
        if answer.status_code != 200:
            raise ConfigurationError(f"{said}: look at registry.url")
        return self._schema(answer.content, number)

    def close(self) -> None:
        self._client.close()

    def _schema(self, content: bytes, number: int) -> str:
        try:
            if len(content) > _MOST_BYTES:
                raise ValueError
            found = parse_json(content)
            if found.get("schemaType", "AVRO") != "AVRO":
                raise RejectedRecordError(Reason.UNKNOWN_SCHEMA, f"schema {number} is not one of Avro")
            return str(found["schema"])
        except (ValueError, KeyError, AttributeError) as error:
            raise TransientError(f"the registry at {self._url} gave no schema for id {number}") from error

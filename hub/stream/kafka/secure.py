"""librdkafka's settings by which every client of the hub knows that it speaks to its Kafka, and Kafka that it speaks
to the hub."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from hub.settings import Security, Settings


def secured(settings: Settings) -> dict[str, Any]:
    """The settings about encryption and about who logs in."""
    config: dict[str, Any] = {"security.protocol": _PROTOCOLS[settings.kafka_security]}
    if settings.kafka_security is not Security.PLAINTEXT:
        config |= _tls(settings)
    if settings.kafka_security is Security.SCRAM:
        config |= {
            "sasl.mechanism": str(settings.kafka_mechanism),
            "sasl.username": settings.kafka_user,
            "sasl.password": _plain(settings.kafka_password),
        }
    if settings.kafka_security is Security.OAUTH:
        config |= _tokens(settings)
    return config


_PROTOCOLS = {
    Security.PLAINTEXT: "PLAINTEXT", Security.TLS: "SSL", Security.SCRAM: "SASL_SSL", Security.OAUTH: "SASL_SSL",
}  # fmt: skip


def _tls(settings: Settings) -> dict[str, Any]:
    told = {
        "ssl.ca.location": settings.kafka_ca,
        "ssl.certificate.location": settings.kafka_certificate,
        "ssl.key.location": settings.kafka_key,
        "ssl.key.password": _plain(settings.kafka_key_password),
    }
    return {name: str(value) for name, value in told.items() if value is not None}


def _tokens(settings: Settings) -> dict[str, Any]:
    """librdkafka fetches them by itself, also anew before they are over: a callback is heard only by clients that poll."""
    told = {
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": settings.kafka_user,
        "sasl.oauthbearer.client.secret": _plain(settings.kafka_password),
        "sasl.oauthbearer.token.endpoint.url": settings.kafka_token_url,
        "sasl.oauthbearer.scope": settings.kafka_token_scope,
        "https.ca.location": settings.kafka_token_ca,
    }
    return {name: str(value) for name, value in told.items() if value is not None}


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()

"""The guarded Kafka of a test run: lets in by password, by certificate and by token, and has who is let in made for a test."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from hub.broker.guarded.files import write_private
from hub.broker.guarded.secure import ADMIN, Guard
from hub.broker.kafka import EmbeddedKafka
from hub.broker.storage import KEYS, free_port
from hub.settings import Security, Settings

AUDIENCE, ISSUER = "cityhub-kafka", "https://login.example"
_TOKENS = "org.apache.kafka.common.security.oauthbearer.OAuthBearer"
_OAUTH = "listener.name.sasl_ssl.oauthbearer.sasl"
_SECONDS = 120.0


@dataclass(frozen=True)
class SecureKafka:
    """Where it is, and the folder of its keys. Goes over to other processes as text."""

    bootstrap_servers: str
    certificate_servers: str
    keys: Path

    @classmethod
    def read(cls, text: str) -> Self:
        """What `written` made."""
        bootstrap_servers, certificate_servers, keys = text.split(" ", 2)
        return cls(bootstrap_servers, certificate_servers, Path(keys))

    def written(self) -> str:
        return f"{self.bootstrap_servers} {self.certificate_servers} {self.keys}"

    @property
    def guard(self) -> Guard:
        return Guard(self.keys)

    def settings(self, user: str = ADMIN, password: str | None = None, **others: Any) -> Settings:
        """Of a hub that is this user, by default the one who may do all."""
        told: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "kafka_security": Security.SCRAM,
            "kafka_ca": self.guard.ca,
            "kafka_user": user,
            "kafka_password": self.guard.password_file.read_text() if password is None else password,
        }
        return Settings(**told | others)

    def settings_by_certificate(self, name: str, **others: Any) -> Settings:
        """Of a hub that shows a certificate of this name."""
        file = self.guard.authority.issued(name)
        told: dict[str, Any] = {
            "bootstrap_servers": self.certificate_servers,
            "kafka_security": Security.TLS,
            "kafka_ca": self.guard.ca,
            "kafka_certificate": file,
            "kafka_key": file,
        }
        return Settings(**told | others)

    def settings_by_token(self, client_id: str, token_url: str, **others: Any) -> Settings:
        """Of a hub that fetches a token there."""
        told: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "kafka_security": Security.OAUTH,
            "kafka_ca": self.guard.ca,
            "kafka_user": client_id,
            "kafka_password": "any secret",
            "kafka_token_url": token_url,
        }
        return Settings(**told | others)

    @cached_property
    def token_key(self) -> rsa.RSAPrivateKey:
        """What the tokens are signed with that this Kafka believes."""
        key = serialization.load_pem_private_key((self.keys / _TOKEN_KEY).read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key


_TOKEN_KEY, _JWKS = "token-key.pem", "jwks.json"


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Started on this folder, and stopped again."""
    keys, port = folder / KEYS, free_port()
    guard = _with_tokens(Guard(keys, port))
    with EmbeddedKafka(folder, guard=guard) as kafka:
        yield SecureKafka(kafka.bootstrap_servers, f"127.0.0.1:{port}", keys)


def _with_tokens(guard: Guard) -> Guard:
    """The same, that also believes tokens of `ISSUER` for `AUDIENCE`."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    jwks = guard.authority.folder / _JWKS
    write_private(jwks.with_name(_TOKEN_KEY), pem)
    write_private(jwks, json.dumps({"keys": [_public(key)]}).encode())
    settings: Mapping[str, object] = {
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,OAUTHBEARER",
        f"{_OAUTH}.server.callback.handler.class": f"{_TOKENS}ValidatorCallbackHandler",
        f"{_OAUTH}.jaas.config": f"{_TOKENS}LoginModule required;",
        "sasl.oauthbearer.jwks.endpoint.url": jwks.as_uri(),
        "sasl.oauthbearer.expected.audience": AUDIENCE,
        "sasl.oauthbearer.expected.issuer": ISSUER,
    }
    allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={jwks.as_uri()}"
    return Guard(guard.folder, guard.certificate_port, settings, (allowed,))


def _public(key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    return {
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one",
        "n": _base64(numbers.n.to_bytes(256, "big")), "e": _base64(numbers.e.to_bytes(3, "big")),
    }  # fmt: skip


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True)
class SignedToken:
    """What is claimed, and who signs it."""

    key: rsa.RSAPrivateKey
    subject: str
    audience: str = AUDIENCE
    issuer: str = ISSUER
    lasts_seconds: float = 3600
    claims: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        now = int(time.time())
        header = {"alg": "RS256", "typ": "JWT", "kid": "one"}
        claims = {
            "sub": self.subject, "aud": self.audience, "iss": self.issuer, "iat": now - 60,
            "exp": int(now + self.lasts_seconds), "scope": "kafka", **self.claims,
        }  # fmt: skip
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"


@contextmanager
def token_server(make: Callable[[], str]) -> Iterator[str]:
    """Hands out what `make` makes to everybody, as OIDC has it; the address to ask at."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps({"access_token": make(), "token_type": "Bearer", "expires_in": 3600}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/token"
        finally:
            server.shutdown()
            thread.join()

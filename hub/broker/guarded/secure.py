"""What a guarded broker needs: an authority with the broker's certificate, the passwords of its first users, and the settings that
make it ask for them. Everything lies in one folder, for its owner alone, and is kept for the next start."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hub.broker.guarded.certificates import Authority
from hub.broker.guarded.files import write_private

ADMIN = "admin"
_CONTROLLER = "controller"
_MECHANISM = "SCRAM-SHA-512"
_LOGIN = "org.apache.kafka.common.security"
_PASSWORD_BYTES = 24


@dataclass(frozen=True)
class Guard:
    """The keys and passwords of one guarded broker, in `folder`; made when they are first asked for.

    Clients prove who they are by SCRAM over TLS. Who is granted nothing may do nothing; `ADMIN` may do all.
    """

    folder: Path
    certificate_port: int = 0
    """Where those are let in who show a certificate of `authority`, by the name in it; 0 for nowhere."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Of server.properties, what is added: other ways to prove who one is."""
    options: tuple[str, ...] = ()
    """The same for the JVM."""

    @cached_property
    def authority(self) -> Authority:
        self._make_folder()
        return Authority.kept_in(self.folder)

    @property
    def ca(self) -> Path:
        """The certificate that clients trust, PEM."""
        return self.authority.certificate

    @property
    def password_file(self) -> Path:
        """Holds the password of `ADMIN`."""
        return self._password(ADMIN)

    def exists(self) -> bool:
        """True if this folder has been a guarded broker's."""
        return self.folder.is_dir()

    def scram(self) -> str:
        """For Kafka's format tool: the one user that is there from the beginning, and can make the others."""
        return f"{_MECHANISM}=[name={ADMIN},password={self._secret(ADMIN)}]"

    def client(self) -> dict[str, str]:
        """librdkafka's settings to be `ADMIN`."""
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": _MECHANISM,
            "sasl.username": ADMIN,
            "sasl.password": self._secret(ADMIN),
            "ssl.ca.location": str(self.ca),
        }

    def properties(self, client_port: int, controller_port: int) -> dict[str, object]:
        """Of server.properties, what differs from a broker that lets everybody in."""
        controller = self._secret(_CONTROLLER)
        clients = f"SASL_SSL://127.0.0.1:{client_port}"
        if self.certificate_port:
            clients += f",SSL://127.0.0.1:{self.certificate_port}"
        return {
            "listeners": f"{clients},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": clients,
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:SASL_SSL",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.mechanism.inter.broker.protocol": _MECHANISM,
            "sasl.enabled.mechanisms": _MECHANISM,
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
                f'{_LOGIN}.scram.ScramLoginModule required username="{ADMIN}" password="{self._secret(ADMIN)}";'
            ),
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.controller.plain.sasl.jaas.config": (
                f'{_LOGIN}.plain.PlainLoginModule required username="{_CONTROLLER}" password="{controller}" '
                f'user_{_CONTROLLER}="{controller}";'
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.authority.issued("broker"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.ca,
            "listener.name.ssl.ssl.client.auth": "required",
            "listener.name.ssl.ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
            "ssl.enabled.protocols": "TLSv1.3,TLSv1.2",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{ADMIN};User:{_CONTROLLER}",
            "allow.everyone.if.no.acl.found": "false",
            # Kafka 4.1.1's own choice lets forged tokens in; later ones are said not to. It is named wherever tokens are taken.
            "sasl.oauthbearer.jwt.validator.class": f"{_LOGIN}.oauthbearer.BrokerJwtValidator",
            **self.settings,
        }

    def _password(self, user: str) -> Path:
        self._make_folder()
        path = self.folder / f"{user}.password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(_PASSWORD_BYTES).encode())
        return path

    def _secret(self, user: str) -> str:
        return self._password(user).read_text()

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

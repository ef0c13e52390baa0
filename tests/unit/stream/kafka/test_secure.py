"""What librdkafka is told of a guarded Kafka, and that nobody but `hub.stream.kafka.client` tells it anything else."""

from pathlib import Path
from typing import Any

import pytest

from hub.errors import FatalError
from hub.settings import ROOT, Settings
from hub.stream.kafka.admission import require_admission
from hub.stream.kafka.client import client_config
from hub.stream.kafka.secure import secured

HERE = Path(__file__)
KEYS: dict[str, Any] = {
    "kafka_ca": HERE,
    "kafka_certificate": HERE,
    "kafka_key": HERE,
    "kafka_key_password": "of a key",
}
USER: dict[str, Any] = {"kafka_user": "worker", "kafka_password": "of a user"}
TLS = {
    "ssl.ca.location": str(HERE), "ssl.certificate.location": str(HERE), "ssl.key.location": str(HERE),
    "ssl.key.password": "of a key",
}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, {"security.protocol": "PLAINTEXT"}),
        ({"kafka_security": "tls"}, {"security.protocol": "SSL"}),
        ({"kafka_security": "tls", **KEYS}, {"security.protocol": "SSL", **TLS}),
        (
            {"kafka_security": "scram", **USER, **KEYS},
            {
                "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": "worker", "sasl.password": "of a user", **TLS,
            },
        ),
        (
            {"kafka_security": "oauth", **USER, "kafka_token_url": "https://login.example/", "kafka_token_ca": HERE},
            {
                "security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.client.id": "worker", "sasl.oauthbearer.client.secret": "of a user",
                "sasl.oauthbearer.token.endpoint.url": "https://login.example/", "https.ca.location": str(HERE),
            },
        ),
    ],
)  # fmt: skip
def test_what_librdkafka_is_told(told: dict[str, Any], expected: dict[str, str]) -> None:
    assert secured(Settings(**told)) == expected


@pytest.mark.parametrize("security", ["tls", "scram", "oauth"])
def test_a_password_never_goes_in_the_clear(security: str) -> None:
    told: dict[str, Any] = {"kafka_security": security}
    if security != "tls":
        told |= USER
    if security == "oauth":
        told["kafka_token_url"] = "https://login.example/"
    assert secured(Settings(**told))["security.protocol"].endswith("SSL")


def test_one_place_tells_clients_where_kafka_is() -> None:
    """Who wrote his own settings would speak plaintext to a guarded Kafka."""
    modules = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "hub").rglob("*.py")}
    found = {name for name, text in modules.items() if '"bootstrap.servers"' in text}
    assert found == {
        "hub/stream/kafka/client.py",
        "hub/stream/kafka/admission.py",
        "hub/broker/kafka.py",  # its own node
        "hub/broker/ready.py",
        "hub/testing/cluster.py",
        "hub/sdk/sources/changes/config.py",  # of somebody else's Kafka
    }


def test_a_kafka_that_is_away_is_waited_for() -> None:
    nowhere = Settings(bootstrap_servers="127.0.0.1:1", kafka_security="scram", **USER)  # type: ignore[arg-type]
    require_admission(nowhere)
    assert client_config(nowhere, "test")["security.protocol"] == "SASL_SSL"


def test_a_file_that_holds_no_certificate_is_named() -> None:
    wrong = Settings(bootstrap_servers="127.0.0.1:1", kafka_security="tls", kafka_ca=HERE)  # type: ignore[arg-type]
    with pytest.raises(FatalError, match=r"CITYHUB_KAFKA_\* names cannot be used: .*ssl\.ca\.location"):
        require_admission(wrong)

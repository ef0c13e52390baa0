"""Who the guarded Kafka lets in, and what is said to whom it does not: by the hub's own clients, and by every command."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa

from hub.broker.guarded.certificates import Authority
from hub.cli.main import cli
from hub.cli.process.children import environment_of
from hub.errors import FatalError
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics, inspect_topics
from hub.stream.kafka.admission import require_admission
from hub.testing.secure import ISSUER, SecureKafka, SignedToken, token_server
from hub.topics import SOURCES

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def stranger() -> rsa.RSAPrivateKey:
    """Whom this Kafka does not know."""
    return rsa.generate_private_key(65537, 2048)


def test_a_user_a_certificate_and_a_token_are_let_in(kafka_secure: SecureKafka, namespace: str) -> None:
    admin = kafka_secure.settings(namespace=namespace)
    ensure_topics(admin, [SOURCES])
    assert inspect_topics(admin, [SOURCES])[0].good
    require_admission(kafka_secure.settings_by_certificate("somebody"))
    with token_server(SignedToken(kafka_secure.token_key, "somebody").text) as url:
        require_admission(kafka_secure.settings_by_token("somebody", url))


@pytest.mark.parametrize(
    "forge",
    [
        lambda known, stranger: SignedToken(stranger, "admin"),
        lambda known, stranger: SignedToken(known, "admin", audience="another"),
        lambda known, stranger: SignedToken(known, "admin", issuer=f"{ISSUER}.evil"),
        lambda known, stranger: SignedToken(known, "admin", lasts_seconds=-600),
    ],
    ids=["key", "audience", "issuer", "expired"],
)
def test_a_forged_token_is_refused(
    forge: Callable[..., SignedToken], kafka_secure: SecureKafka, stranger: rsa.RSAPrivateKey
) -> None:
    """Kafka 4.1.1 lets the first three in unless BrokerJwtValidator is named."""
    with token_server(forge(kafka_secure.token_key, stranger).text) as url:
        settings = kafka_secure.settings_by_token("forger", url)
        with pytest.raises(FatalError, match=r"does not let this hub in .*CITYHUB_KAFKA_TOKEN_URL"):
            require_admission(settings)


def test_the_validator_of_tokens_is_named(kafka_secure: SecureKafka) -> None:
    """What is the default changed once, and was wrong."""
    assert str(kafka_secure.guard.properties(1, 2)["sasl.oauthbearer.jwt.validator.class"]).endswith(
        "BrokerJwtValidator"
    )


def _wrong_ca(kafka: SecureKafka, folder: Path) -> Settings:
    return kafka.settings(kafka_ca=Authority.kept_in(folder).certificate)


def _others_certificate(kafka: SecureKafka, folder: Path) -> Settings:
    file = Authority.kept_in(folder).issued("somebody")
    return kafka.settings_by_certificate("somebody").model_copy(update={"kafka_certificate": file, "kafka_key": file})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (lambda kafka, _: kafka.settings(password="wrong password"), "does not let .*check CITYHUB_KAFKA_USER"),
        (lambda kafka, _: kafka.settings("nobody"), "does not let .*check CITYHUB_KAFKA_USER, CITYHUB_KAFKA_PASSWORD"),
        (_wrong_ca, "certificate of Kafka .*is not to be trusted .*check CITYHUB_KAFKA_CA"),
        (_others_certificate, "does not accept this hub's certificate.*check CITYHUB_KAFKA_CERTIFICATE"),
        (
            lambda kafka, _: Settings(bootstrap_servers=kafka.bootstrap_servers),
            "speaks TLS.*set CITYHUB_KAFKA_SECURITY",
        ),
        (
            lambda kafka, _: kafka.settings_by_certificate("a", bootstrap_servers=kafka.bootstrap_servers),
            "does not speak with CITYHUB_KAFKA_SECURITY=tls",
        ),
        (
            lambda kafka, _: kafka.settings_by_token("a", "http://127.0.0.1:1/"),
            "does not let .*CITYHUB_KAFKA_TOKEN_URL",
        ),
    ],
    ids=["password", "user", "ca", "certificate", "plaintext", "no log-in", "no token"],
)
def test_who_is_turned_away_is_told_why(
    settings: Callable[..., Settings], sentence: str, kafka_secure: SecureKafka, tmp_path: Path
) -> None:
    with pytest.raises(FatalError, match=sentence):
        require_admission(settings(kafka_secure, tmp_path))


def test_a_key_that_does_not_fit_is_told(kafka_secure: SecureKafka) -> None:
    settings = kafka_secure.settings_by_certificate("somebody", kafka_key=kafka_secure.guard.ca)
    with pytest.raises(FatalError, match=r"what CITYHUB_KAFKA_\* names cannot be used: .*ssl\.key\.location"):
        require_admission(settings)


COMMANDS = [
    ["topics"], ["topics", "--create"], ["worker"], ["up"], ["reconcile"], ["rates"], ["source", "list"], ["dead", "list"],
    ["acl", "--apply"], ["dept", "watch", "roads"], ["dept", "update", "C-1", "--status", "accepted", "--department", "roads"],
    ["explain", "c1"], ["state"], ["policy", "apply"], ["doctor"],
    ["connector", "run", "police", "--file", str(Path("connectors/police/fixtures/demo.csv").absolute())],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_says_it_in_a_sentence(
    command: list[str], kafka_secure: SecureKafka, tmp_path: Path, namespace: str
) -> None:
    settings = kafka_secure.settings(password="wrong password", state_dir=tmp_path, namespace=namespace)
    environment = {name: value for name, value in environment_of(settings).items() if name.startswith("CITYHUB_")}
    result = CliRunner().invoke(cli, command, env=environment)
    said = result.output + str(result.exception or "")
    assert result.exit_code == 1, said
    assert "does not let this hub in" in said
    assert "CITYHUB_KAFKA_PASSWORD" in said
    assert "wrong password" not in said

"""What a guarded broker is made of, without starting one."""

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hub.broker.command import settings_for
from hub.broker.guarded.certificates import Authority
from hub.broker.guarded.secure import Guard
from hub.broker.settings import Ports, server_properties
from hub.broker.storage import KEYS, Storage
from hub.errors import FatalError
from hub.settings import Settings
from hub.stream.kafka.secure import secured

JAVA = ["/nonexistent/java"]


def test_the_certificate_is_for_loopback_and_signed_by_the_authority(tmp_path: Path) -> None:
    authority = Authority.kept_in(tmp_path)
    pem = authority.issued("broker").read_bytes()
    own, ca = x509.load_pem_x509_certificates(pem)
    assert b"BEGIN PRIVATE KEY" in pem  # PKCS#8: Kafka reads no other
    assert load_pem_private_key(pem, None).public_key() == own.public_key()
    assert ca == x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    own.verify_directly_issued_by(ca)
    names = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_keys_and_passwords_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    guard = Guard(tmp_path / KEYS)
    first = guard.properties(1, 2), guard.scram(), guard.ca.read_bytes()
    again = Guard(tmp_path / KEYS)
    assert (again.properties(1, 2), again.scram(), again.ca.read_bytes()) == first
    assert stat.S_IMODE(guard.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in guard.folder.iterdir()} == {0o600}


def test_nothing_is_open_and_nobody_has_rights_by_himself(tmp_path: Path) -> None:
    text = server_properties(tmp_path / "logs", Ports(1, 2), guard=Guard(tmp_path / KEYS))
    told = dict(line.split("=", 1) for line in text.splitlines())
    assert "PLAINTEXT" not in text
    assert told["allow.everyone.if.no.acl.found"] == "false"
    assert told["super.users"] == "User:admin;User:controller"
    assert told["sasl.oauthbearer.jwt.validator.class"].endswith(".BrokerJwtValidator")


@pytest.mark.parametrize("was_guarded", [True, False])
def test_a_directory_stays_as_guarded_as_it_was(was_guarded: bool, tmp_path: Path) -> None:
    guard = Guard(tmp_path / KEYS)
    if was_guarded:
        guard.scram()
    storage = Storage(tmp_path, guard=None if was_guarded else guard)
    storage.logs.mkdir()
    (storage.logs / "meta.properties").write_text("version=1\nnode.id=1\ncluster.id=abc\n")
    (storage.logs / "bootstrap.checkpoint").write_text("x")
    with pytest.raises(FatalError, match="was made with" if was_guarded else "was made without"):
        storage.format(JAVA)


def test_what_the_command_prints_is_what_the_hub_needs(tmp_path: Path) -> None:
    class Started:
        bootstrap_servers = "127.0.0.1:9443"

    guard = Guard(tmp_path / KEYS)
    settings = Settings.from_env(settings_for(Started(), guard))  # type: ignore[arg-type]
    assert settings.kafka_security == "scram"
    assert secured(settings) == guard.client()

"""A certificate authority for one machine: makes the certificates of a guarded broker, and of clients that show one."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.broker.guarded.files import write_private
from hub.errors import FatalError

_YEARS = dt.timedelta(days=3650)
_BEFORE = dt.timedelta(days=1)
"""Clocks of containers on one machine may differ."""
_ADDRESSES = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))


@dataclass(frozen=True)
class Authority:
    """An authority whose key and certificate lie in `folder`."""

    folder: Path

    @classmethod
    def kept_in(cls, folder: Path) -> Self:
        """The folder's, made if it has none yet."""
        made = cls(folder)
        if not made.certificate.exists():
            made._make()
        return made

    @property
    def certificate(self) -> Path:
        """What those trust who are to believe its certificates, PEM."""
        return self.folder / "ca.pem"

    @property
    def _key(self) -> Path:
        return self.folder / "ca-key.pem"

    def issued(self, name: str) -> Path:
        """A private key (PKCS#8), its certificate for this name and this machine's loopback, and the authority's, in one PEM file.

        Made if it is not there. Raises FatalError if the authority's own files are damaged.
        """
        path = self.folder / f"{name}.pem"
        if not path.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            write_private(path, _pem(key) + self._signed(name, key) + self.certificate.read_bytes())
        return path

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _named("CityHub on this machine")
        made = (
            _dated(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        write_private(self._key, _pem(key))
        write_private(self.certificate, made.public_bytes(serialization.Encoding.PEM))

    def _signed(self, name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
        try:
            own = serialization.load_pem_private_key(self._key.read_bytes(), None)
            issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes()).subject
        except (OSError, ValueError) as error:
            raise FatalError(f"{self.folder} is no certificate authority any more ({error}): move it away") from error
        assert isinstance(own, ec.EllipticCurvePrivateKey)
        hosts: list[x509.GeneralName] = [x509.DNSName("localhost"), *map(x509.IPAddress, _ADDRESSES)]
        made = (
            _dated(_named(name), issuer, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .sign(own, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _dated(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), now - _BEFORE, now + _YEARS)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

"""When certificates run out, as the metrics say it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from prometheus_client import REGISTRY

from hub.broker.guarded.certificates import Authority
from hub.certificates import watch_authorities, watch_own
from hub.metrics import CERTIFICATE_EXPIRES
from hub.sdk.access.tls import Tls


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    CERTIFICATE_EXPIRES.clear()


def _seen(use: str) -> float | None:
    return REGISTRY.get_sample_value("hub_certificate_expires_seconds", {"use": use})


def _expiries(path: Path) -> list[float]:
    return sorted(each.not_valid_after_utc.timestamp() for each in x509.load_pem_x509_certificates(path.read_bytes()))


def test_of_ones_own_the_first_counts_and_of_authorities_the_last(tmp_path: Path) -> None:
    chain = Authority.kept_in(tmp_path).issued("broker")
    first, last = _expiries(chain)
    watch_own("mine", chain)
    watch_authorities("theirs", chain)
    assert (_seen("mine"), _seen("theirs")) == (first, last)


def test_a_file_is_read_anew_and_one_that_cannot_be_read_has_run_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.pem"
    watch_own("mine", path)
    assert _seen("mine") == 0
    path.write_text("no certificate", "utf-8")
    assert _seen("mine") == 0
    path.write_bytes(Authority.kept_in(tmp_path).issued("broker").read_bytes())
    assert (_seen("mine") or 0) > 1e9


def test_an_edge_says_whose_they_are(tmp_path: Path) -> None:
    authority = Authority.kept_in(tmp_path)
    own = authority.issued("edge")
    tls = Tls.model_validate({"ca": authority.certificate, "certificate": own, "key": own})
    tls.watch("sensors")
    assert _seen("sensors ca") == _expiries(authority.certificate)[-1]
    assert _seen("sensors certificate") == _expiries(own)[0]

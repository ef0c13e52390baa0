"""What processes foresee of the files that they go by."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic import FilePath

from hub.broker.guarded.certificates import Authority
from hub.cli.process.files import AUTHORITIES, OWN_CERTIFICATES, watch_files
from hub.metrics import CERTIFICATE_EXPIRES, DISK_FREE
from hub.settings import Settings


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    CERTIFICATE_EXPIRES.clear()
    DISK_FREE.clear()


def _expires(use: str) -> float | None:
    return REGISTRY.get_sample_value("hub_certificate_expires_seconds", {"use": use})


def test_every_setting_that_names_certificates_is_watched() -> None:
    fields = Settings.model_fields.items()
    files = {name for name, field in fields if FilePath in getattr(field.annotation, "__args__", ())}
    assert files - {"kafka_key"} == {*OWN_CERTIFICATES, *AUTHORITIES}


def test_certificates_of_the_settings_are_said(tmp_path: Path) -> None:
    authority = Authority.kept_in(tmp_path)
    watch_files(Settings(kafka_security="tls", kafka_ca=authority.certificate, state_dir=tmp_path))
    assert (_expires("kafka_ca") or 0) > 1e9
    assert _expires("kafka_certificate") is None


@pytest.mark.parametrize("folder", ["", "not/made/yet"])
def test_what_is_free_is_said_of_the_disk_on_which_the_folder_will_lie(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def usage(path: Path) -> shutil._ntuple_diskusage:
        asked.append(path)
        return shutil._ntuple_diskusage(200, 190, 10)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    watch_files(Settings(state_dir=tmp_path / folder))
    assert REGISTRY.get_sample_value("hub_disk_free_ratio", {"use": "state_dir"}) == 0.05
    assert asked == [tmp_path]

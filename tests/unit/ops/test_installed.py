"""Units of systemd and the Kustomize base are sound as far as can be known without a machine, and each check of it can fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ops.checks import kubernetes, systemd


def test_nothing_is_wrong() -> None:
    assert list(systemd.problems()) == []
    assert list(kubernetes.problems()) == []
    assert len(kubernetes.resources()) > 10


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("cityhub-web.service", "web --port 6080", "web --prot 6080", "No such option"),
        ("cityhub-ledger.service", "ledger run", "leger run", "no command leger"),
        ("cityhub-worker@.service", "/opt/cityhub/bin/cityhub worker", "/bin/worker", "starts something else"),
        (systemd.HARDENING, "ProtectSystem=strict", "ProtectSystem=no", "lacks ProtectSystem=strict"),
        ("cityhub.env", "CITYHUB_PARTITIONS", "CITYHUB_PARTITONS", "CITYHUB_PARTITONS is no setting"),
    ],
)
def test_a_mistake_in_a_unit_is_found(tmp_path: Path, file: str, before: str, after: str, said: str) -> None:
    folder = changed(systemd.UNITS, tmp_path, file, before, after)
    assert any(said in problem for problem in systemd.problems(folder)), list(systemd.problems(folder))


def test_a_timer_without_its_service_is_found(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(systemd.UNITS, tmp_path / "units"))
    (folder / "cityhub-backup.service").rename(folder / "backup.service")
    found = " ".join(systemd.problems(folder))
    assert "cityhub-backup.timer has no service" in found
    assert "backup.service is not hardened" in found


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("worker.yaml", "replicas: 2", "replicas: two", "Kubernetes 1.33"),
        ("worker.yaml", "maxUnavailable: 1, maxSurge: 0", "maxUnavailabel: 1", "Kubernetes 1.37"),
        ("worker.yaml", "apps/v1", "apps/v9", "knows no apps/v9"),
        ("worker.yaml", '--web-port, "6066"', '--web-port, "6067"', "serves 6067, and says 6066"),
        ("ledger.yaml", "[cityhub, ledger, run,", "[cityhub, leger, run,", "no command leger"),
        (
            "ledger.yaml",
            "readOnlyRootFilesystem: true",
            "readOnlyRootFilesystem: false",
            "read-only root and no rights",
        ),
        ("ledger.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "somebody who is not root"),
        ("ledger.yaml", "livenessProbe", "readinessProbe", "not asked whether it is well"),
        ("web.yaml", "mountPath: /run/secrets/cityhub", "mountPath: /run/secrets/other", "mounts no such secret"),
        ("connectors.yaml", "name: connectors, mountPath", "name: connectosr, mountPath", "mounts connectosr"),
        ("bulletin.yaml", ", limits: {memory: 2Gi}", "", "no limit of memory"),
        ("config.env", "CITYHUB_PARTITIONS", "CITYHUB_PARTITONS", "CITYHUB_PARTITONS is no setting"),
        ("config.env", "cities/demo", "cities/nowhere", "not in the image"),
        ("kustomization.yaml", "  - network.yaml\n", "", "network.yaml is not named"),
        ("kustomization.yaml", "- network.yaml", "- netwrok.yaml", "netwrok.yaml is named"),
    ],
)
def test_a_mistake_in_a_resource_is_found(tmp_path: Path, file: str, before: str, after: str, said: str) -> None:
    folder = changed(kubernetes.BASE, tmp_path, file, before, after)
    assert any(said in problem for problem in kubernetes.problems(folder)), list(kubernetes.problems(folder))


def changed(source: Path, to: Path, file: str, before: str, after: str) -> Path:
    folder = Path(shutil.copytree(source, to / "copy"))
    text = (folder / file).read_text("utf-8")
    assert before in text
    (folder / file).write_text(text.replace(before, after), "utf-8")
    return folder

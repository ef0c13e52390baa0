"""The import contracts of pyproject.toml, and that the check can fail: on a copy of the tree with one forbidden import in it."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]

VIOLATIONS = {
    "layers": ("hub/core/astray.py", "import hub.stream.kafka.client\n"),
    "pure": ("hub/policy/astray.py", "import fastavro\n"),
    "timeless": ("hub/core/astray.py", "import time\n"),
    "connectors": ("connectors/police/astray.py", "import hub.stream.kafka.client\n"),
    "apart": ("connectors/police/astray.py", "import connectors.hotline.source\n"),
    "found": ("hub/web/astray.py", "import connectors.police.source\n"),
    "faust": ("hub/stream/astray.py", "import faust\n"),
    "core": ("hub/core/deadlines/terms.py", "import hub.core.cases.cases\n"),
    "stream": ("hub/stream/kafka/record.py", "import hub.stream.session\n"),
    "planes": ("hub/stream/chunk.py", "import hub.core.kinds\n"),
    "cycles": ("hub/core/places/crs.py", "import hub.core.places.places\n"),
}
"""Contract to a file that breaks it. A file that is there already is added to."""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and their contracts, without data; two connectors have code, as one with a protocol of its own has."""
    for package in ("hub", "connectors"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "fixtures"))
    for name in ("police", "hotline"):
        (tmp_path / "connectors" / name / "__init__.py").touch()
        (tmp_path / "connectors" / name / "source.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_code_of_every_connector_is_looked_at() -> None:
    folders = {path.parent for path in (ROOT / "connectors").glob("*/*.py")}
    assert not [folder.name for folder in folders if not (folder / "__init__.py").is_file()], "add an __init__.py"


def test_the_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_has_a_violation_here() -> None:
    assert {contract["id"] for contract in CONTRACTS} == set(VIOLATIONS)


def test_violations_are_found(copy: Path) -> None:
    for path, text in VIOLATIONS.values():
        with (copy / path).open("a", encoding="utf-8") as file:
            file.write(text)
    done = lint(copy)
    said = " ".join(done.stdout.split())
    kept = [contract["id"] for contract in CONTRACTS if f"{contract['name']} BROKEN" not in said]
    assert done.returncode == 1, done.stdout + done.stderr
    assert not kept


def test_a_package_without_a_layer_is_found(copy: Path) -> None:
    (copy / "hub" / "stray.py").write_text('"""Nowhere."""\n', "utf-8")
    done = lint(copy)
    assert done.returncode == 1
    assert "hub.stray" in done.stdout

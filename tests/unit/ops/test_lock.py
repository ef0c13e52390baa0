"""The lock is what pyproject.toml asks for, by hashes and without an address, and each of that can fail."""

from __future__ import annotations

import pytest

from ops.checks.audit import unasked, weaknesses
from ops.checks.lock import LOCK, locked, problems

TEXT = LOCK.read_text("utf-8")


def test_nothing_is_wrong() -> None:
    assert list(problems()) == []
    assert len(list(locked(TEXT))) > 50


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("fastavro==1.13.1", "fastavro==1.10.0", "has fastavro 1.10.0, and pyproject.toml asks for ==1.13.1"),
        ("fastavro==1.13.1", "fastavro-other==1.13.1", "lacks fastavro"),
        ("fastavro==1.13.1 \\", "other==1.0\nfastavro==1.13.1 \\", "other has no hash"),
        ("fastavro==1.13.1 \\", "--index-url https://packages.example/simple\nfastavro==1.13.1 \\", "names an address"),
        ("fastavro==1.13.1 \\", "fastavro @ https://packages.example/fastavro.whl \\", "names an address"),
    ],
)
def test_a_mistake_is_found(before: str, after: str, said: str) -> None:
    assert before in TEXT
    found = list(problems(TEXT.replace(before, after)))
    assert any(said in problem for problem in found), found


def test_an_audit_names_the_weakness_and_what_it_could_not_ask_about() -> None:
    weak = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.1"], "description": "…"}
    found = [
        {"name": "sound", "version": "2.0", "vulns": []},
        {"name": "weak", "version": "1.0", "vulns": [weak, {"id": "GHSA-1", "aliases": [], "fix_versions": []}]},
        {"name": "private", "skip_reason": "Dependency not found"},
    ]
    assert list(weaknesses(found)) == [
        "weak 1.0: PYSEC-2026-1, CVE-2026-1; mended in 1.1",
        "weak 1.0: GHSA-1; mended in nowhere yet",
    ]
    assert "1 of 3 packages (private): nothing is proven" in unasked(found)
    assert unasked(found[:2]) == ""

"""The lock is what pyproject.toml asks for, by hashes and without an address, and each of that can fail."""

from __future__ import annotations

import pytest

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

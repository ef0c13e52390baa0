"""There is one HTTP client and one reader of YAML; the linter says so to who brings another. And there are figures and rules that
are written in one file alone."""

import re
import subprocess
import sys

import pytest

from hub.settings import ROOT


def lint(code: str, where: str) -> str:
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--select=TID251",
        "--output-format=concise",
        "--stdin-filename",
        where,
        "-",
    ]
    return subprocess.run(
        command, input=code, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    ).stdout


@pytest.mark.parametrize(
    "where", ["hub/cli/new.py", "connectors/police/client.py", "loadtests/new.py", "tests/unit/test_new.py"]
)
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import urllib.request\n", "httpx2 is the HTTP client here"),
        ("from http.client import HTTPConnection\n", "httpx2 is the HTTP client here"),
        ("import requests\n", "httpx2 is the HTTP client here"),
        ("import yaml\nyaml.safe_load('')\n", "hub.declared.document reads YAML"),
        ("from yaml import load\n", "hub.declared.document reads YAML"),
    ],
)
def test_another_is_refused(code: str, said: str, where: str) -> None:
    assert said in lint(code, where)


def test_writing_yaml_and_httpx2_are_welcome() -> None:
    assert "TID251" not in lint("import httpx2\nimport yaml\nhttpx2.get(yaml.safe_dump(''))\n", "hub/cli/new.py")


ONCE = {
    r"86_?400_?000|3_?600_?000": "hub/millis.py",
    r"\.timestamp\(\) \* 1000|fromtimestamp\([^,]*/ 1000": "hub/millis.py",
    r"2 ?\*\* ?31|1 << 31|2 ?\*\* ?63|1 << 63\b": "hub/bounds.py",
    r"[gl]e=-?(90|180)\b|[<>]=? -?(90|180)\b": "hub/bounds.py",
    r"\* 4 // 5\b|\* 0\.8\b": "hub/core/deadlines/decision.py",
    r"[\"']AS_STATUS[\"']|(is|==) UpdateStep\.AS_STATUS": "hub/model/update.py",
}
"""What is written in one place: a pattern that finds it, and where it is."""
BESIDE = {
    "hub/audit/identity.py",  # packs numbers into 63 bits, whatever bounds records have
    "hub/sdk/mapping/place_fields.py",  # which of two numbers is the latitude
}
EXAMPLES = (
    "DAY_MS = 86_400_000", "HOUR_MS = 3600000", "round(when.timestamp() * 1000)", "le=2**31 - 1", "1 << 63", "ge=-90, le=90",
    "np.abs(lon) <= 180", 'if step == "AS_STATUS"', "step is UpdateStep.AS_STATUS",
    "start + (due - start) * 4 // 5",
)  # fmt: skip


def written(pattern: str) -> set[str]:
    """The files of the program in which a pattern is found."""
    files = (path for folder in ("hub", "connectors") for path in (ROOT / folder).rglob("*.py"))
    return {str(path.relative_to(ROOT)) for path in files if re.search(pattern, path.read_text("utf-8"))}


@pytest.mark.parametrize(("pattern", "where"), ONCE.items())
def test_what_is_written_once(pattern: str, where: str) -> None:
    assert written(pattern) - BESIDE <= {where}


@pytest.mark.parametrize("code", EXAMPLES)
def test_it_would_be_found_elsewhere(code: str) -> None:
    assert any(re.search(pattern, code) for pattern in ONCE)

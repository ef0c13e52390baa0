"""There is one HTTP client and one reader of YAML; the linter says so to who brings another."""

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
    return subprocess.run(command, input=code, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False).stdout


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

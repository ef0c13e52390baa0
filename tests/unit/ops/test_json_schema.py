"""The checks' validators come without what takes seconds to import, and leave it to whoever wants it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hub.settings import ROOT

pytestmark = pytest.mark.process


def test_parsers_that_nobody_asks_for_are_not_made() -> None:
    program = (
        "import sys, ops.checks.json_schema as checks; print('lark' in sys.modules, 'rfc3987_syntax' in sys.modules, "
        "checks.Draft202012Validator({'type': 'string'}).is_valid(1))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]

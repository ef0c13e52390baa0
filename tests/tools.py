"""What a test needs and the machine may lack: skipped on somebody's desk, a failure where a green run has to mean something."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

REQUIRED = "CITYHUB_TEST_TOOLS_REQUIRED"
"""Set by .ci/run; `CI`, as many machines set it, says the same."""


def lacks(why: str) -> NoReturn:
    """End the test: skipped with this sentence, or failed where nothing may be left out."""
    if any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in (REQUIRED, "CI")):
        pytest.fail(
            f"{why} Here that is a failure: a run that leaves these tests out says nothing of them.", pytrace=False
        )
    pytest.skip(why)

"""What several of these files' tests are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.small_plane import Plane, plane_on


@pytest.fixture
def plane(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Plane:
    return plane_on(kafka_bootstrap, namespace, tmp_path)

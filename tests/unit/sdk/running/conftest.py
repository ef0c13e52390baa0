"""The city of edges that tests of them share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sdk.running.city_of_edges import City


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    made = City(tmp_path, monkeypatch)
    yield made
    made.stop.set()

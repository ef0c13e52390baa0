"""A source of the kind `cap` keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.sdk.contract import Context
from hub.sdk.sources.cap.config import CapConfig
from hub.sdk.sources.cap.source import CapSource
from hub.testing.conformance import Bench, SourceConformance
from tests.unit.sdk.sources.cap.alerts import Office


class TestCap(SourceConformance):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        office = Office(tmp_path / "warnings")
        config = CapConfig.model_validate({"folder": {"path": tmp_path / "warnings", "once": True}})
        return Bench(lambda: CapSource(config, Context("warnings", batch_items=2)), office.warn)

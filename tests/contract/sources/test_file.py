"""A source of the kind `file` keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.sdk.contract import Context
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.file.source import FileConfig, FileSource
from hub.testing.conformance import Bench, SourceConformance
from hub.testing.files import POLICE_COLUMNS, csv_text, police_file, police_row
from tests.contract.sources.cannot import NO_CALLS


class TestFile(SourceConformance):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        file, said = tmp_path / "calls.csv", [0]

        def add(count: int) -> None:
            said[0] += count
            police_file(file, said[0])

        intake = MappingSet(find_manifest("police"))
        context = Context("police", intake.outcome, intake.mapping, batch_items=2)
        police_file(file, 0)

        def strange(name: str) -> None:
            said[0] += 1
            rows = [[*police_row(number), "!"] for number in range(said[0])]
            file.write_text(csv_text((*POLICE_COLUMNS, name), rows), encoding="utf-8")

        def garble() -> None:
            with file.open("a", encoding="utf-8") as out:
                out.write("one cell only\n")

        return Bench(
            lambda: FileSource(FileConfig(file=file), context),
            add,
            strange=strange,
            garble=garble,
            live=lambda: FileSource(FileConfig(file=file, follow=True), context),
            cannot=NO_CALLS | {"away": "a file is there, or its setting is wrong: nothing else is said of it"},
        )

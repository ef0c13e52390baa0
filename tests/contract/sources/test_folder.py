"""A source of the kind `folder` keeps the contract."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.sdk.contract import Context, Position
from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.sources.folder.config import FolderConfig
from hub.sdk.sources.folder.source import FolderSource
from hub.testing.conformance import Bench, SourceConformance
from hub.testing.files import POLICE_COLUMNS, csv_text, police_row
from tests.contract.sources.cannot import NO_CALLS


class TestFolder(SourceConformance):
    @pytest.fixture(params=["folder", "glob"])
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
        """Two files each time. Who reads from the start finds the drop folder as it was filled, and who goes on as it was left."""
        kept, inbox, said = tmp_path / "kept", tmp_path / "inbox", [0]
        kept.mkdir()
        settings = {"folder": inbox} if request.param == "folder" else {"glob": f"{kept}/*.csv"}
        config = FolderConfig.model_validate(settings | {"complete": {"kind": "renamed"}, "follow": False})

        def add(count: int) -> None:
            numbers = range(said[0], said[0] + count)
            for part in (numbers[: count // 2], numbers[count // 2 :]):
                rows = [police_row(number) for number in part]
                for folder in (kept, inbox):
                    folder.mkdir(exist_ok=True)
                    (folder / f"calls-{part.start}.csv").write_text(csv_text(POLICE_COLUMNS, rows), encoding="utf-8")
            said[0] += count

        class Refilled(FolderSource):
            def connect(self, position: Position | None) -> None:
                if position is None:
                    shutil.rmtree(inbox, ignore_errors=True)
                    shutil.copytree(kept, inbox)
                super().connect(position)

        intake = MappingSet(find_manifest("police"))
        context = Context("police", intake.outcome, intake.mapping, batch_items=1)
        live = config.model_copy(update={"follow": True})

        def strange(name: str) -> None:
            said[0] += 1
            text = csv_text((*POLICE_COLUMNS, name), [[*police_row(said[0]), "!"]])
            for folder in (kept, inbox):
                folder.mkdir(exist_ok=True)
                (folder / f"strange-{said[0]}.csv").write_text(text, encoding="utf-8")

        def garble() -> None:
            for folder in (kept, inbox):
                folder.mkdir(exist_ok=True)
                (folder / f"garbled-{said[0]}.csv").write_bytes(b"\x00\xff" * 99)

        def away(gone: bool) -> None:
            """What is dropped while it is away is dropped where it is."""
            (inbox if gone else tmp_path / "unmounted").rename(tmp_path / "unmounted" if gone else inbox)

        cannot = NO_CALLS | {"away": "a pattern names no folder: files that are away are files that are not there yet"}
        return Bench(
            lambda: Refilled(config, context), add, strange=strange, garble=garble, live=lambda: FolderSource(live, context),
            takes_away=request.param == "folder", away=away if request.param == "folder" else None, cannot=cannot,
        )  # fmt: skip

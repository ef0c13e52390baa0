"""Puts the parts of an archive where this installation has them; what is there is moved aside, and nothing is deleted."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from hub.cli.backup.archive import Inventory
from hub.cli.backup.parts import BackupPart, files_in, places
from hub.errors import FatalError
from hub.settings import Settings

_BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a database, and must not meet another one."""


def plan_restore(settings: Settings, inventory: Inventory, parts: Collection[BackupPart]) -> dict[str, Path]:
    """Where each file or folder of the archive goes, by its name there. Raises FatalError for a part that this installation has
    nowhere to put."""
    plan: dict[str, Path] = {}
    for part in parts:
        names = {name for name, each in inventory.files.items() if each.part is part}
        found = {
            name: place for name, place in places(settings, part).items() if _has(names, name)
        }  # fmt: skip
        if names and not found:
            raise FatalError(_NOWHERE[part])
        plan |= found
    return plan


_NOWHERE = {
    BackupPart.CONNECTORS: "connectors: CITYHUB_CONNECTORS names no file; set it, or restore --without connectors",
    BackupPart.LEDGER: "ledger: CITYHUB_LEDGER_URL names a database that is no file, and the archive has one; leave it out "
    "(--without ledger) and make the ledger anew with `cityhub ledger rebuild`",
}


def _has(names: Collection[str], place: str) -> bool:
    return any(name == place or name.startswith(f"{place}/") for name in names)


def is_same(source: Path, place: Path) -> bool:
    """Whether there is nothing to put back: as of rules that came with version control."""
    if source.is_dir():
        return _contents(source) == _contents(place)
    return place.is_file() and source.read_bytes() == place.read_bytes()


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files_in("", folder)}


def in_the_way(plan: Mapping[str, Path]) -> list[Path]:
    """What is there already. An empty folder is in nobody's way."""
    return [path for path in plan.values() if path.is_file() or (path.is_dir() and any(path.iterdir()))]


def put_back(plan: Mapping[str, Path], folder: Path, aside: str) -> Iterator[Path]:
    """Put what `folder` has into its places, for the owner alone. What is in the way gets `aside` after its name."""
    for name, place in plan.items():
        fresh = place.with_name(f".{place.name}.restored")
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _take(folder / name, fresh)
            for old in (place, *(place.with_name(place.name + each) for each in _BESIDE)):
                if old.exists():
                    old.rename(old.with_name(f"{old.name}.{aside}"))
            fresh.rename(place)
        except OSError as error:
            raise FatalError(f"{place} cannot be put back: {error.strerror}; what was there is beside it") from None
        yield place


def _take(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
    for path in (target, *target.rglob("*")) if target.is_dir() else (target,):
        path.chmod(0o700 if path.is_dir() else 0o600)

"""One file with what a hub keeps beside Kafka: a tar whose first member says what is in it, with a digest of each file."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.cli.backup.parts import BackupPart, copied, files_in, places, require_sound_database
from hub.clock import iso, wall_ms
from hub.declared.texts import open_regular
from hub.errors import FatalError
from hub.policy import load_city
from hub.settings import Settings

_INVENTORY = "inventory.json"
_MOST_BYTES = 1 << 20
_DATABASE = ".sqlite"


class ArchivedFile(BaseModel):
    """One file of an archive: which part it is of, how long it is, and its SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: BackupPart
    size: int
    sha256: str


class Inventory(BaseModel):
    """What an archive is and has. `files` by their names in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    cityhub: str
    made_at: str
    namespace: str
    rules: str
    files: dict[str, ArchivedFile]

    def parts(self) -> list[BackupPart]:
        return [part for part in BackupPart if any(each.part is part for each in self.files.values())]


def write_archive(settings: Settings, path: Path, parts: Collection[BackupPart]) -> Inventory:
    """Everything of these parts that is there. Whole at the end, or not there at all; for its owner alone.

    Raises FatalError if the file is there already, or something cannot be read or written.
    """
    with tempfile.TemporaryDirectory(prefix=".cityhub-backup-", dir=_folder_of(path)) as folder:
        held = Path(folder)
        files = dict(_held(settings, parts, held))
        inventory = Inventory(
            cityhub=version("cityhub"), made_at=iso(wall_ms()), namespace=settings.namespace,
            rules=load_city(settings.city).version, files={name: each for name, (each, _) in files.items()},
        )  # fmt: skip
        _write(path, inventory, ((name, copy) for name, (_, copy) in files.items()), held / "archive")
    return inventory


def _folder_of(path: Path) -> Path:
    if path.exists():
        raise FatalError(f"{path} is there already; name another file")
    if not path.absolute().parent.is_dir():
        raise FatalError(f"there is no folder {path.absolute().parent}")
    return path.absolute().parent


def _held(
    settings: Settings, parts: Collection[BackupPart], folder: Path
) -> Iterator[tuple[str, tuple[ArchivedFile, Path]]]:
    for part in parts:
        for name, place in places(settings, part).items():
            for member, path in files_in(name, place):
                copy = folder / f"{hashlib.sha256(member.encode()).hexdigest()}{path.suffix}"
                copied(path, copy)
                yield member, (ArchivedFile(part=part, size=copy.stat().st_size, sha256=_digest(copy)), copy)


def _write(path: Path, inventory: Inventory, files: Iterable[tuple[str, Path]], temporary: Path) -> None:
    try:
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            with tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as tar:
                content = inventory.model_dump_json(indent=1).encode()
                tar.addfile(_member(_INVENTORY, len(content)), io.BytesIO(content))
                for name, copy in files:
                    with copy.open("rb") as opened:
                        tar.addfile(_member(name, copy.stat().st_size), opened)
            out.flush()
            os.fsync(out.fileno())
        os.link(temporary, path)
    except OSError as error:
        raise FatalError(f"{path} cannot be written: {error.strerror}") from None


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(time.time())
    return member


@contextmanager
def opened_archive(path: Path) -> Iterator[tuple[Inventory, Path]]:
    """What it has, and a folder with all its files, each proven. The folder goes at the end.

    Raises FatalError for what is no archive, was changed, is cut short, or is of a newer program.
    """
    with tempfile.TemporaryDirectory(prefix="cityhub-restore-") as folder:
        try:
            with open_regular(path) as file, tarfile.open(fileobj=file, mode="r:gz") as tar:
                inventory = _inventory(tar, path)
                _unpack(tar, path, inventory, Path(folder))
        except (tarfile.TarError, EOFError, OSError) as error:
            raise FatalError(f"{path} cannot be read as an archive of `cityhub backup`: {error}") from None
        yield inventory, Path(folder)


def _inventory(tar: tarfile.TarFile, path: Path) -> Inventory:
    first = tar.next()
    content = None if first is None or first.name != _INVENTORY else tar.extractfile(first)
    if content is None:
        raise FatalError(f"{path} is no archive of `cityhub backup`")
    try:
        inventory = Inventory.model_validate_json(content.read(_MOST_BYTES))
    except ValidationError:
        raise FatalError(f"{path} says in a way that this program does not know what it has: use a newer one") from None
    for name in inventory.files:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise FatalError(f"{path} was changed: it has a file outside of itself")
    return inventory


def _unpack(tar: tarfile.TarFile, archive: Path, inventory: Inventory, folder: Path) -> None:
    """Only what the inventory names, as files; links and the like are nothing that was written."""
    left = dict(inventory.files)
    for member in iter(tar.next, None):
        said = left.pop(member.name, None)
        content = tar.extractfile(member) if said is not None and member.isreg() else None
        if said is None or content is None or member.size != said.size:
            raise FatalError(f"{archive} was changed: {member.name} is not what the inventory says")
        path = folder / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with content, path.open("wb") as out:
            while block := content.read(_MOST_BYTES):
                out.write(block)
        if _digest(path) != said.sha256:
            raise FatalError(f"{archive} was changed or is damaged: {member.name}; take another archive")
        if path.suffix == _DATABASE:
            require_sound_database(path)
    if left:
        raise FatalError(f"{archive} is cut short: {len(left)} of {len(inventory.files)} files are missing")


def _digest(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()

"""The files of a folder or a pattern: which are there, which are whole, and where they go when they are done.

A file is known by a digest of its bytes, never by its name: under another name it is the same, and other bytes under the same name
are another. What was read lies in `done` under a name that holds the digest, so that it is known there for as long as it is kept.
"""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hub.declared.texts import open_regular
from hub.sdk.errors import ConfigurationError
from hub.sdk.sources.folder.config import FolderConfig, MarkerRule, Quiet

DIGEST_CHARS = 16
_TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", ".lock")
"""So programs name what they are still writing."""
_NAMED = re.compile(rf"\.([0-9a-f]{{{DIGEST_CHARS}}})(?=\.|$)")
_NUMBERS = re.compile(r"(\d+)")
_MAX_STEM_BYTES = 180
_BLOCK_BYTES = 1024 * 1024

FileStamp = tuple[int, int, int, int]
"""Device, number, size and time of change: another one is another file, or was written to."""


class FolderFile(NamedTuple):
    path: Path
    stamp: FileStamp


class FolderShelf:
    """Raises OSError where the file system does not answer, and ConfigurationError where what was declared cannot be."""

    def __init__(self, config: FolderConfig, now: Callable[[], float] = time.monotonic) -> None:
        self._config, self._now = config, now
        self._marker = config.complete.suffix if isinstance(config.complete, MarkerRule) else None
        self._seen: dict[Path, tuple[FileStamp, float]] = {}
        self._digests: dict[Path, tuple[FileStamp, str]] = {}

    @property
    def is_there(self) -> bool:
        """Whether its folder is; a pattern names none."""
        return self._config.folder is None or self._config.folder.is_dir()

    def require(self) -> None:
        """The folders are there, and files can be moved between them."""
        folder = self._config.folder
        if folder is None:
            return
        if not self.is_there:
            raise ConfigurationError(f"there is no folder {folder}; make it, or correct `folder`")
        for each in self._away:
            parent = next(place for place in (each, *each.parents) if place.is_dir())
            if not os.access(parent, os.W_OK | os.X_OK) or not os.access(folder, os.W_OK | os.X_OK):
                raise ConfigurationError(
                    f"files cannot be moved from {folder} to {each}: let this user write in both, or use `glob`"
                )
            if parent.stat().st_dev != folder.stat().st_dev:
                raise ConfigurationError(
                    f"{each} is on another disk than {folder}: a file would not be moved at once; name a folder beside it"
                )

    def files(self) -> list[FolderFile]:
        """All that count by their names, in the order in which they are to be read."""
        found = [each for path in self._paths() if (each := _looked_at(path)) is not None]
        by_time = self._config.order == "time"
        return sorted(found, key=lambda each: (each.stamp[3] if by_time else 0, _natural(str(each.path)), each.path))

    def whole(self, files: list[FolderFile]) -> list[FolderFile]:
        """Those of `files`, which is all there are, that nobody writes to any more, by the sign that was declared."""
        complete = self._config.complete
        if self._marker is not None:
            return [each for each in files if self._marker_of(each.path).exists()]
        if not isinstance(complete, Quiet):
            return files
        now, before = self._now(), self._seen
        self._seen = {
            path: (stamp, before[path][1] if path in before and before[path][0] == stamp else now)
            for path, stamp in files
        }
        return [each for each in files if now - self._seen[each.path][1] >= complete.seconds]

    @property
    def decides_by_itself(self) -> bool:
        """Whether a file that is not whole yet will be, if nobody does anything."""
        return isinstance(self._config.complete, Quiet)

    def digest(self, file: FolderFile) -> str | None:
        """Of the file's bytes; None if it is another by now. Looked at once for each stamp."""
        stamp, digest = self._digests.get(file.path, (None, ""))
        if stamp != file.stamp:
            with suppress(FileNotFoundError):
                digest = _digest(file.path)
            if self.is_other(file):
                return None
            self._digests[file.path] = (file.stamp, digest)
        return digest

    def forget_others(self, files: Iterable[FolderFile]) -> None:
        """Of files that are not there any more nothing is kept."""
        there = {each.path for each in files}
        self._digests = {path: kept for path, kept in self._digests.items() if path in there}

    def is_other(self, file: FolderFile) -> bool:
        """Whether the file at its path is not the one that was found, or was written to."""
        now = _looked_at(file.path)
        return now is None or now.stamp != file.stamp

    def done_before(self) -> set[str]:
        """Digests of the files that lie in `done`."""
        return _lying_in(self._config.done_folder)

    def failed_before(self) -> set[str]:
        """Digests of the files that lie in `failed`."""
        return _lying_in(self._config.failed_folder)

    def put_away(self, file: FolderFile, digest: str, why: str | None) -> None:
        """Move a file that was read, or with `why` one that cannot be; beside that one lies a text with the reason.

        Its marker goes first: one that stayed would call the next file of this name whole too early.
        """
        folder = self._config.failed_folder if why else self._config.done_folder
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / _name_with(file.path, digest)
        if why:
            target.with_name(f"{target.name}.reason.txt").write_text(f"{why}\n", "utf-8")
        if self._marker is not None:
            self._marker_of(file.path).unlink(missing_ok=True)
        file.path.replace(target)
        self._digests.pop(file.path, None)

    @property
    def _away(self) -> Iterator[Path]:
        return (each for each in (self._config.done_folder, self._config.failed_folder) if each is not None)

    def _marker_of(self, path: Path) -> Path:
        return path.with_name(f"{path.name}{self._marker}")

    def _paths(self) -> Iterator[Path]:
        config = self._config
        paths: Iterator[Path]
        if config.glob is not None:
            found = {path for each in config.glob for path in glob.iglob(each, recursive=True)}  # noqa: PTH207 - absolute, from anywhere
            paths = map(Path, found)
        else:
            assert config.folder is not None
            every = config.folder.iterdir()
            paths = (path for path in every if any(fnmatch.fnmatch(path.name, each) for each in config.names))
        return (path for path in paths if self._counts(path.name))

    def _counts(self, name: str) -> bool:
        temporary = name.startswith((".", "~")) or name.lower().endswith(_TEMPORARY)
        return not temporary and not (self._marker is not None and name.endswith(self._marker))


def _lying_in(folder: Path | None) -> set[str]:
    if folder is None or not folder.is_dir():
        return set()
    return {said[-1] for each in folder.iterdir() if (said := _NAMED.findall(each.name))}


def _looked_at(path: Path) -> FolderFile | None:
    with suppress(FileNotFoundError):
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            return FolderFile(path, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))
    return None


def _digest(path: Path) -> str:
    sha = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(_BLOCK_BYTES):
            sha.update(block)
    return sha.hexdigest()[:DIGEST_CHARS]


def _name_with(path: Path, digest: str) -> str:
    stem = path.stem.encode(errors="surrogateescape")[:_MAX_STEM_BYTES].decode(errors="ignore")
    return f"{stem}.{digest}{path.suffix[:50]}"


def _natural(text: str) -> list[tuple[int, str]]:
    """`calls-9` before `calls-10`."""
    return [(int(part), "") if at % 2 else (0, part) for at, part in enumerate(_NUMBERS.split(text))]

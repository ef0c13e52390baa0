"""Keeps the JVM's archive of loaded classes (AppCDS) beside the jars: it saves two of five seconds of each start.

The first broker that ends in order writes it. The JVM checks it against its own version and the jars, and does without
it where they differ, so it can be late, missing or stale but not wrong.
"""

import hashlib
import uuid
from pathlib import Path

_QUIET = "-Xlog:cds*=off"


class ClassArchive:
    """The archive of one Java for the jars of one folder."""

    def __init__(self, jars: Path, java: Path) -> None:
        program = java.resolve()
        key = hashlib.sha256(f"{program} {program.stat().st_mtime_ns}".encode()).hexdigest()[:12]
        self._kept = jars / f"classes-{key}.jsa"
        self._fresh = jars / f"classes-{key}.{uuid.uuid4().hex}.new"

    def options(self) -> list[str]:
        """Use it, or have it written when this JVM ends in order."""
        return self.kept_options() or [_QUIET, f"-XX:ArchiveClassesAtExit={self._fresh}"]

    def kept_options(self) -> list[str]:
        """Use it if it is there: Kafka's tools load half of the same classes."""
        return [_QUIET, f"-XX:SharedArchiveFile={self._kept}"] if self._kept.exists() else []

    def keep(self, *, whole: bool) -> None:
        """Call after the JVM's end. What one wrote that was killed, or never served, is thrown away."""
        if not self._fresh.exists():
            return
        if whole:
            self._fresh.replace(self._kept)
        else:
            self._fresh.unlink()

"""What was done when: a line of JSON each, on the disk as soon as it is known, so that a run that ends early tells too."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class Timeline:
    """Appends to a file. `entries` are all of it, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        self._began = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", "utf-8")

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._began, 2)

    def note(self, what: str, **facts: Any) -> None:
        """One thing that was done, now."""
        entry = {"seconds": self.seconds, "at": datetime.now(UTC).isoformat(timespec="milliseconds"), "what": what}
        self.entries.append(entry | facts)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.entries[-1], ensure_ascii=False) + "\n")

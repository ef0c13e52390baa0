"""The rules that agents go by, which may change while they run: new ones are taken whole or not at all, between two chunks."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from hub.core.succession import Versions, succeed
from hub.policy import City, PolicyError, load_city

log = logging.getLogger(__name__)
RELOAD, APPLIED, REFUSED = "policy-reload", "policy-applied", "policy-refused"


class LivePolicy:
    """One worker's. Agents ask for the rules at the start of each chunk; `holders` says which departments hold open cases."""

    def __init__(self, first: City) -> None:
        self._versions = Versions(first)
        self.holders: Callable[[], Collection[str]] = tuple

    @property
    def latest(self) -> City:
        return self._versions.latest

    def at(self, at_ms: int) -> City:
        """The rules by which a report made then is decided: later ones never decide an earlier report."""
        return self._versions.at(at_ms)

    def reload(self, folder: Path, fingerprint: str | None) -> tuple[str, list[str]]:
        """Read the folder anew and take it if it may follow what is in force.

        Gives APPLIED with what changes, or REFUSED with why; then nothing has changed. `fingerprint`: of the folder that was
        meant, so that workers on several machines do not go by different ones.
        """
        current = self.latest
        try:
            proposed = load_city(folder)
        except PolicyError as error:
            return REFUSED, [str(problem) for problem in error.problems]
        if fingerprint is not None and proposed.fingerprint != fingerprint:
            return REFUSED, [
                f"{folder} here is {proposed.version}, not the folder that was announced; copy that here first"
            ]
        succession = succeed(current, proposed, in_use=self.holders())
        problems = [
            *succession.problems,
            *(
                f"departments.yaml: {new!r} is new, and its topics are read from a start on; restart the workers one by one"
                for new in sorted(set(proposed.departments) - set(current.departments))
            ),
        ]
        if problems:
            return REFUSED, problems
        if succession.changes:
            self._versions.add(proposed)
        return APPLIED, list(succession.changes)


def announcement(city: City) -> bytes:
    """Tells all workers to read their policy folder anew; `city` is what they must find there."""
    return json.dumps({"kind": RELOAD, "version": city.version, "fingerprint": city.fingerprint}).encode()


def answer(raw: bytes, policy: LivePolicy, folder: Path, instance: str) -> bytes | None:
    """What a worker does about an announcement, and says about it for the record; None if it does not concern it."""
    told = parsed(raw)
    if told.get("kind") != RELOAD:
        return None
    result, lines = policy.reload(folder, told.get("fingerprint"))
    log.log(
        logging.INFO if result == APPLIED else logging.ERROR, "%s: %s", result, "; ".join(lines) or "the same rules"
    )
    said = {"kind": result, "instance": instance, "version": policy.latest.version, "lines": lines}
    return json.dumps(said, ensure_ascii=False).encode()


def parsed(raw: bytes) -> dict[str, Any]:
    """An announcement as a document; one that is none is empty, and said in the log."""
    try:
        told = json.loads(raw)
    except ValueError:
        log.warning("an announcement is not JSON: %s", raw[:200].decode(errors="replace"))
        return {}
    return told if isinstance(told, dict) else {}

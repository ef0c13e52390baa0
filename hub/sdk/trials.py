"""What the conformance kit has found of a connector, with date and digest: its tier comes out of that, and of nothing else.

The kit itself (hub/testing/tiers.py) writes it; a result of other code than lies here now says nothing.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

import hub
from hub.errors import FatalError
from hub.sdk.kinds import source_type
from hub.sdk.manifest import Manifest, Quality
from hub.settings import Settings

_CODE = (".py", ".yaml", ".csv", ".jsonl", ".json", ".md")


class RuleVerdict(StrEnum):
    KEPT = "kept"
    BROKEN = "broken"
    UNTRIED = "untried"
    """There was no bench to try it on."""
    INAPPLICABLE = "inapplicable"
    """Its system can do nothing of what the rule is about; the bench says why."""


_GOOD = (RuleVerdict.KEPT, RuleVerdict.INAPPLICABLE)


class KitRule(BaseModel):
    """One rule of the kit. `tier`: the lowest that asks for it. `why`: it is broken, was not tried or cannot apply."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    tier: Quality
    verdict: RuleVerdict
    why: str = ""


class Trial(BaseModel):
    """One run of the kit. `at_ms`: UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connector: str
    at_ms: int
    digest: str
    rules: tuple[KitRule, ...]

    @property
    def tier(self) -> Quality | None:
        """The highest of which every rule is kept, and of those below it too; None if not even the lowest is."""
        reached = None
        for tier in Quality:
            if any(rule.tier is tier and rule.verdict not in _GOOD for rule in self.rules):
                return reached
            reached = tier
        return reached if self.rules else None

    @property
    def failing(self) -> list[KitRule]:
        return [rule for rule in self.rules if rule.verdict not in _GOOD]


def digest_of(manifest: Manifest) -> str:
    """Of the connector's folder, the kind of source that reads its system, and the kit. Raises ConfigurationError."""
    digest = hashlib.sha256()
    for path in _files(manifest):
        digest.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(manifest: Manifest) -> Iterator[Path]:
    testing = Path(hub.__file__).parent / "testing"
    yield from (testing / name for name in ("conformance.py", "source_suite.py", "tiers.py"))
    module = importlib.import_module(source_type(manifest).__module__).__file__
    for folder in dict.fromkeys((manifest.folder, Path(module or "").parent)):
        yield from sorted(path for path in folder.rglob("*") if path.suffix in _CODE and path.is_file())


def write(settings: Settings, tested: Trial) -> Path:
    """Raises FatalError."""
    path = _path(settings, tested.connector)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(tested.model_dump_json(indent=1), "utf-8")
    except OSError as error:
        raise FatalError(f"{path} cannot be written: {error.strerror}") from error
    return path


def last_trial(settings: Settings, connector: str) -> Trial | None:
    """The last run; None if there is none."""
    try:
        return Trial.model_validate(json.loads(_path(settings, connector).read_bytes()))
    except (OSError, ValueError, ValidationError):
        return None


def _path(settings: Settings, connector: str) -> Path:
    return settings.state_dir / "conformance" / f"{connector}.json"

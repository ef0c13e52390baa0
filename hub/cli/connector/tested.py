"""`cityhub connector test`: which tier a connector keeps, by the conformance kit; and what its last run said, for `list`."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import click

from hub.errors import FatalError
from hub.millis import datetime_of
from hub.sdk.manifest import Manifest
from hub.sdk.trials import Trial, digest_of, last_trial
from hub.settings import Settings


@click.command("test")
@click.argument("names", nargs=-1)
def test_command(names: tuple[str, ...]) -> None:
    """Try connectors against every rule of the conformance kit, on their fixtures and benches; `list` shows the tier from then on.

    Exits with 1 if one keeps less than its manifest declares.
    """
    # in a process of its own: nothing of the hub uses hub.testing, and what a bench starts ends with it
    sys.exit(subprocess.run([sys.executable, "-m", "hub.testing.tiers", *names], check=False).returncode)


def tier_in_words(manifest: Manifest, settings: Settings) -> str:
    """In words: the tier with the day of the run, or why there is none."""
    tested = last_trial(settings, manifest.domain)
    if tested is None:
        return "untested 未测"
    if not _is_of_this_code(tested, manifest):
        return "changed since 已改动"
    return f"{tested.tier or 'none 未达'} · {datetime_of(tested.at_ms):%Y-%m-%d}"


def as_dict(manifest: Manifest, settings: Settings) -> dict[str, Any] | None:
    """The last run, for machines; `current` if it was of the code that lies here now. None if there was none."""
    tested = last_trial(settings, manifest.domain)
    if tested is None:
        return None
    current = _is_of_this_code(tested, manifest)
    return tested.model_dump(mode="json") | {"tier": tested.tier if current else None, "current": current}


def _is_of_this_code(tested: Trial, manifest: Manifest) -> bool:
    try:
        return tested.digest == digest_of(manifest)
    except FatalError:
        return False  # its kind of source is not here

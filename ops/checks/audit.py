"""`python -m ops.checks.audit`: known weaknesses of what is locked, as pip-audit finds them, and what could not be asked about.

An advisory database that cannot be reached is said in words, and is no failure: whoever builds without a network would only
learn to leave the step out. Nothing is proven then, and the words say that as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click

from ops.checks.lock import LOCK

_ASK = (
    "-m",
    "pip_audit",
    "--disable-pip",
    "--require-hashes",
    "--progress-spinner",
    "off",
    "--format",
    "json",
    "--requirement",
)


def weaknesses(packages: list[dict[str, Any]]) -> Iterator[str]:
    """One line for each known weakness: package, version, its name, and where it is mended."""
    for package in packages:
        for each in package.get("vulns", ()):
            names = ", ".join([each["id"], *each.get("aliases", ())])
            mended = " or ".join(each.get("fix_versions", ())) or "nowhere yet"
            yield f"{package['name']} {package['version']}: {names}; mended in {mended}"


def unasked(packages: list[dict[str, Any]]) -> str:
    """What nobody could be asked about, as a sentence; empty when all were."""
    left = [package["name"] for package in packages if "skip_reason" in package]
    if not left:
        return ""
    some = ", ".join(left[:5]) + (", …" if len(left) > 5 else "")
    return f"audit: no answer from the advisory database for {len(left)} of {len(packages)} packages ({some}): nothing is proven"


def main() -> None:
    """Print what is known. Exits with 1 if there is a weakness, and with 0 if there is none or nobody could be asked."""
    asked = subprocess.run([sys.executable, *_ASK, str(LOCK)], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(asked.stdout)["dependencies"]
    except ValueError:
        why = (asked.stderr.strip().splitlines() or ["no answer"])[-1]
        click.echo(f"audit: the advisory database cannot be asked ({why}): nothing is proven", err=True)
        return
    weak = list(weaknesses(packages))
    for line in weak:
        click.echo(line, err=True)
    if left := unasked(packages):
        click.echo(left, err=True)
    click.echo(f"audit: {len(weak)} known weaknesses in {sum('vulns' in each for each in packages)} packages")
    sys.exit(1 if weak else 0)


if __name__ == "__main__":
    main()

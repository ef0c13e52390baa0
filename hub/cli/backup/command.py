"""`cityhub backup` and `cityhub restore`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub.cli.backup.parts import BackupPart, ledger_file
from hub.cli.terminal.options import with_settings
from hub.clock import wall_ms
from hub.errors import FatalError
from hub.screen import say
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.cli.backup.archive import Inventory

_PARTS = click.Choice([part.value for part in BackupPart])
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--without", type=_PARTS, multiple=True, help="Leave this part out; may be repeated.")
@with_settings
def backup(settings: Settings, file: Path, without: tuple[str, ...]) -> None:
    """Write what this machine keeps beside Kafka into FILE 备份: rules, connectors.yaml, ledger, positions, users and audit trail.

    Everything may run meanwhile: each database is copied as it is at one instant. FILE is for its owner alone: it holds addresses
    of places, digests of passwords and the web's secret. Topics are backed up by Kafka's own means: docs/operations/backup.md.
    """
    from hub.cli.backup.archive import write_archive
    from hub.web.access.chain import AuditedAct
    from hub.web.access.trail import note_command

    parts = [part for part in BackupPart if part not in without]
    note_command(settings, AuditedAct("hub.backup", file.name, None, {"parts": parts}))
    inventory = write_archive(settings, file, parts)
    _tell(inventory, parts)
    if BackupPart.LEDGER in parts and ledger_file(settings) is None:
        say(
            "ledger 台账: it lies in a database server, and is not in the archive; take pg_dump beside it, or rebuild it"
        )
    say(f"{file} {file.stat().st_size:,} bytes; rules {inventory.rules}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--only", type=_PARTS, multiple=True, help="Only this part; may be repeated.  [all]")
@click.option("--without", type=_PARTS, multiple=True, help="Leave this part out; may be repeated.")
@click.option("--replace", is_flag=True, help="Move what is there aside (NAME.before-…); nothing is deleted.")
@click.option("--dry-run", is_flag=True, help="Prove the archive and say what would go where.")
@with_settings
def restore(
    settings: Settings, file: Path, only: tuple[str, ...], without: tuple[str, ...], replace: bool, dry_run: bool
) -> None:
    """Put back what `cityhub backup` wrote into FILE 恢复, once every file in it is proven. Stop web, ledger and connectors before.

    Sessions are not in it: all log in anew. Who was disabled, and which tokens were revoked, since then has to be said again.
    """
    from hub.cli.backup.archive import opened_archive
    from hub.cli.backup.restoring import in_the_way, is_same, plan_restore, put_back
    from hub.web.access.chain import AuditedAct
    from hub.web.access.trail import note_command

    with opened_archive(file) as (inventory, folder):
        parts = [part for part in inventory.parts() if part not in without and (not only or part in only)]
        if not parts:
            raise FatalError(f"{file} has nothing of that; it has {', '.join(inventory.parts()) or 'nothing'}")
        if inventory.namespace != settings.namespace:
            raise FatalError(
                f"{file} is of the hub with namespace {inventory.namespace!r}, and this is {settings.namespace!r}"
            )
        plan = plan_restore(settings, inventory, parts)
        _tell(inventory, parts)
        plan = {name: path for name, path in plan.items() if not is_same(folder / name, path)}
        there = in_the_way(plan)
        for path in plan.values():
            say(f"  {'over what is there' if path in there else 'new':18} {path}")
        if dry_run:
            return
        if there and not replace:
            raise FatalError(
                f"{len(there)} of these are there already; --replace moves them aside, --only and --without choose"
            )
        done = list(put_back(plan, folder, f"before-{wall_ms()}"))
    note_command(settings, AuditedAct("hub.restore", file.name, None, {"parts": parts, "made_at": inventory.made_at}))
    say(
        f"{len(done)} restored 已恢复. Look: cityhub doctor, cityhub ledger status, cityhub connector status, cityhub audit export"
    )


def _tell(inventory: Inventory, parts: list[BackupPart]) -> None:
    files = Counter(each.part for each in inventory.files.values())
    sizes = Counter[str]()
    for each in inventory.files.values():
        sizes[each.part] += each.size
    say(f"made {inventory.made_at} by cityhub {inventory.cityhub}")
    for part in parts:
        say(
            f"  {part:12} {files[part]:5,} files {sizes[part]:15,} bytes"
            if files[part]
            else f"  {part:12} nothing there"
        )

"""`cityhub state`: whether the agents' state is what was committed, and what to do if it is not."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.table import Table

from hub.cli.terminal.options import with_settings
from hub.errors import FatalError
from hub.millis import DAY_MS
from hub.screen import Screen, say, say_json
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.stream.changelog.proving import StateProof

_ALL = "all"


@click.command()
@click.option(
    "--accept-loss", "accepted", metavar="AGENT:PARTITION", multiple=True,
    help="Go on with what the changelog has, for good: track:3, or track:all. All workers must be stopped. May be repeated.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON array; implies --yes.")
@with_settings
def state(settings: Settings, accepted: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Compare each agent's state 状态 with what was committed with its offsets, as the agent does when it starts.

    Exits with 1 if a partition would be refused 拒绝. Reads the changelogs whole; of a hub at rest.
    """
    from hub.policy import load_city
    from hub.sdk.manifest import discover
    from hub.stream.changelog.proving import accept_loss, prove
    from hub.stream.kafka.known import sources_there
    from hub.topics import AGENT_CHANGELOGS, agent_topics
    from hub.web.access.chain import AuditedAct
    from hub.web.access.trail import note_command

    reads = agent_topics(sources_there(settings, discover()), load_city(settings.city).departments)
    chosen: dict[str, set[int]] = {}
    for each in accepted:
        agent, partitions = _chosen(each, settings.partitions, tuple(AGENT_CHANGELOGS))
        chosen.setdefault(agent, set()).update(partitions)
    if chosen and not (yes or as_json):
        click.confirm(
            "What the changelogs lack is then lost for good, see ops/runbooks/state-refused.md. Accept?", abort=True
        )
    for agent, numbers in chosen.items():
        note_command(settings, AuditedAct("state.accept-loss", agent, None, {"partitions": sorted(numbers)}))
        accept_loss(settings, agent, reads[agent], numbers)
    window_ms = int(settings.dedup_window_days * DAY_MS)
    proofs = [
        proof
        for agent, changelog in AGENT_CHANGELOGS.items()
        for proof in prove(settings, agent, reads[agent], changelog, 0 if changelog.compacted else window_ms)
    ]
    if as_json:
        say_json([asdict(proof) for proof in proofs], indent=2)
    else:
        _show(proofs)
    sys.exit(1 if any(proof.fault for proof in proofs) else 0)


def _chosen(text: str, partitions: int, agents: tuple[str, ...]) -> tuple[str, list[int]]:
    agent, _, which = text.partition(":")
    if agent not in agents:
        raise FatalError(f"no agent {agent!r}; say AGENT:PARTITION, of {', '.join(agents)}")
    if which == _ALL:
        return agent, list(range(partitions))
    if not which.isdecimal() or int(which) >= partitions:
        raise FatalError(f"{agent} has no partition {which!r}; say 0 to {partitions - 1}, or {_ALL}")
    return agent, [int(which)]


def _show(proofs: list[StateProof]) -> None:
    table = Table("agent", "partition 分区", "last commit 末次提交", "state 状态", show_edge=False)
    for proof in proofs:
        table.add_row(proof.agent, str(proof.partition), str(proof.commit or "-"), proof.fault or "ok")
    console = Screen()
    (console if console.is_terminal else Screen(width=150)).print(table)
    refused = sum(proof.fault is not None for proof in proofs)
    say(f"{refused} of {len(proofs)} partitions would be refused" if refused else "all state is what was committed")

"""The report of a run of many rounds: JSON with everything, Markdown to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtests.faults.brokers.campaign import Done, summary
from loadtests.faults.brokers.plan import KINDS
from loadtests.report.machine import machine


def write(out: Path, command: str, rounds: Sequence[Done]) -> Path:
    """<date>-brokers.md and .json; the Markdown file's path."""
    out.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    head = {"at": now.isoformat(timespec="seconds"), "command": command, "machine": machine(), **summary(rounds)}
    report = out / f"{now:%Y-%m-%d}-brokers.md"
    whole = json.dumps(head | {"each": list(rounds)}, ensure_ascii=False, indent=1)
    report.with_suffix(".json").write_text(whole + "\n", "utf-8")
    report.write_text(markdown(head), "utf-8")
    return report


def markdown(head: dict[str, Any]) -> str:
    """Pure."""
    host = head["machine"]
    lines = [
        f"# Faults of three brokers 三节点故障演练: {head['faults']} in {head['rounds']} rounds, "
        f"{'nothing' if head['good'] else 'SOMETHING'} lost or doubled",
        "",
        f"`{head['command']}` at {head['at']}, commit {host['commit']}, on {host['processor']}, {host['cores']} cores, "
        f"load average {', '.join(map(str, host['load_average']))}; {head['minutes']:.0f} minutes of rounds. Three replicas of "
        "everything, two in sync at least; two workers with all three agents.",
        "",
        "| kind 故障 | made | what |",
        "|---|---|---|",
        *(f"| {kind} | {count} | {KINDS[kind].says} |" for kind, count in head["kinds"].items()),
        "",
        "| proved at the end of each round 核对 | |",
        "|---|---|",
        f"| rounds, of them good | {head['rounds']}, {head['rounds_good']} |",
        f"| records in | {head['records_in']:,} |",
        f"| unaccounted 未对账 | {head['unaccounted']:,} |",
        f"| doubled 重复 | {head['doubled']:,} |",
        f"| state that disagrees with the topics 状态不符 | {head['disagreements']:,} |",
        f"| of everything sent once more, admitted 重发后再次受理 | {head['admitted_again']:,} |",
        f"| transactions committed, aborted (parts in one partition) | {head['committed']:,}, {head['aborted']:,} |",
        *(f"| round {number} did not come to rest | {error} |" for number, error in head["errors"].items()),
        "",
        "Each round also proves from the brokers' own logs that committed transactions of a changelog follow one another, that no "
        "producer writes with an epoch that is over, skips a number, or has a transaction committed without its records after an "
        "abort in the same epoch, and that the three replicas are the same. Each round is in the JSON beside this.",
        "",
    ]
    return "\n".join(lines)

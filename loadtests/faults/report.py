"""A run's report: JSON with everything, Markdown to read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtests.faults.plan import KINDS
from loadtests.faults.run import Outcome
from loadtests.faults.timeline import Timeline
from loadtests.report.machine import machine


def write(out: Path, name: str, command: str, outcome: Outcome, timeline: Timeline) -> Path:
    """<date>-<name>.md and .json; the Markdown file's path."""
    out.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    whole = {
        "at": now.isoformat(timespec="seconds"),
        "command": command,
        "machine": machine(),
        **outcome.as_dict(),
        "timeline": timeline.entries,
    }
    report = out / f"{now:%Y-%m-%d}-{name}.md"
    report.with_suffix(".json").write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")
    report.write_text(markdown(whole), "utf-8")
    return report


def markdown(whole: dict[str, Any]) -> str:
    """Pure."""
    proof, host = whole["proof"], whole["machine"]
    audit, state, fencing = proof["audit"], proof["state"], proof["fencing"]
    taken = sum(audit["records_in"].values())
    lines = [
        f"# Faults 故障演练: {whole['faults']} in {whole['seconds'] / 60:.0f} minutes, "
        f"{'nothing' if whole['good'] else 'SOMETHING'} lost or doubled",
        "",
        f"`{whole['command']}` at {whole['at']}, commit {host['commit']}, on {host['processor']}, {host['cores']} cores, "
        f"load average {', '.join(map(str, host['load_average']))}.",
        "",
        "| kind 故障 | made | what |",
        "|---|---|---|",
        *(f"| {kind} | {count} | {KINDS[kind].says} |" for kind, count in whole["kinds"].items()),
        "",
        "| proved 核对 | |",
        "|---|---|",
        f"| rows the simulated systems wrote | {whole['rows_written']:,} |",
        f"| records in (connectors' repeats after a kill and updates too) | {taken:,} |",
        f"| unaccounted 未对账 | {audit['unaccounted']:,} |",
        f"| doubled 重复 | {audit['doubled']:,} |",
        f"| other defects in {len(audit['findings'])} checks | {audit['orphaned']:,} |",
        f"| cases | {audit['cases']:,} |",
        *(
            f"| {source}: new statements said, admitted | {said:,}, {there:,} |"
            for source, (said, there) in proof["statements_said_and_admitted"].items()
        ),
        "| updates sent by departments, there | {:,}, {:,} |".format(*proof["updates_sent_and_there"]),
        f"| state rebuilt: revisions, cases, tracked cases, clocks | {state['remembered']:,}, {state['cases']:,}, "
        f"{state['tracked']:,}, {state['clocks']:,} |",
        f"| state that disagrees with the topics | {state['disagreements']:,} |",
        f"| transactions committed, aborted (parts in one partition) | {fencing['committed']:,}, {fencing['aborted']:,} |",
        f"| of them of a paused worker, ended for it by the broker | {len(fencing['expired']):,} |",
        f"| committed by a zombie (overlapping in a changelog; of an epoch that was over) | {len(fencing['overlapping'])}; "
        f"{len(fencing['late'])} |",
        f"| records that a producer had numbered and the broker never had | {len(fencing['skipped'])} |",
        f"| transactions still open | {len(fencing['still_open'])} |",
        f"| times an agent was given partitions (rebalances) | {whole['assignments']:,} |",
        "",
        "| largest process, MiB 内存 | peak | peak while the broker was away | median, 2nd quarter | median, last quarter |",
        "|---|---|---|---|---|",
        *(
            f"| {role} | {m['peak_mib']} | {m['peak_broker_away_mib']} | {m['second_quarter_mib']} | {m['last_quarter_mib']} |"
            for role, m in whole["memory"].items()
        ),
        "",
        f"Small disks: {whole['disk']}. Processes that ended of their own (name, exit code, times): "
        f"{json.dumps(whole['ends_of_their_own'])}. The timeline is in the JSON beside this.",
        "",
    ]
    return "\n".join(lines)

"""A scenario's result as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from loadtests.contenders import settings_text


def markdown(whole: dict[str, Any], drawn: Sequence[Path]) -> str:
    """The whole report."""
    kind = whole["scenario"]["kind"]
    parts = [
        _head(whole),
        _BODIES.get(kind, _plain)(whole),
        *(f"![{path.stem}]({path.name})" for path in drawn),
        _foot(whole),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _head(whole: dict[str, Any]) -> str:
    machine = whole["machine"]
    return (
        f"# {whole['scenario']['title']}\n\n{whole['at']}, commit {machine['commit']}: `{whole['command']}`\n\n"
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, with broker and generator on it; "
        f"{machine['system']}; Python {machine['python']}; {machine['java']}; load average at the end "
        f"{', '.join(map(str, machine['load_average']))}."
    )


def _foot(whole: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in whole["machine"]["versions"].items())
    return f"The hub's libraries: {versions}. All figures are in the .json file beside this one."


def _compare(whole: dict[str, Any]) -> str:
    scenario, measured = whole["scenario"], whole["measured"]
    entries = sorted(measured["entries"], key=lambda entry: -(entry["rate"] or 0))
    text = (
        f"{scenario['records']:,} events ({scenario['short_records']:,}, the beginning of the same data, where *short*), 1 in 20 "
        f"an exact repeat, in a topic of 12 partitions, filled before; {scenario['rounds']} round(s) in rotating order, medians. "
        "Rate: records read a second between the first and the last commit; what came before the first commit is *start* and not "
        "counted; *second half* is the rate once half was done, when a JVM has compiled what is hot. Every output was read back, "
        "committed records only: complete, nothing twice, every order right, or no rate."
    )
    rates = table(
        _COLUMNS,
        (_row(entry, scenario) for entry in entries),
    )  # fmt: skip
    ratios = table(
        ["hub ÷", "rate", "rate, second half", "CPU of theirs ÷ the hub's", ""],
        (
            [
                ratio["against"],
                f"{ratio['rate']:.2f}x",
                _times(ratio["late_rate"]),
                f"{ratio['cpu']:.2f}x",
                "" if ratio["main"] else "variant",
            ]
            for ratio in measured["ratios"]
        ),
    )
    settings = table(
        ["contender", "what", "state", "settings", "versions"],
        (
            [
                entry["label"], entry["contender"], entry["state"], settings_text(entry["settings"]),
                ", ".join(f"{name} {version}" for name, version in entry["versions"].items()),
            ]
            for entry in entries
        ),
    )  # fmt: skip
    failed = [f"- {entry['label']}: {why}" for entry in entries for why in _failures(entry)]
    return "\n\n".join([text, rates, ratios, settings, "\n".join(failed)])


def _row(entry: dict[str, Any], scenario: dict[str, Any]) -> list[str]:
    good = [run for run in entry["runs"] if run.get("rate")]
    size = next(one["records"] for one in scenario["contenders"] if one["label"] == entry["label"])
    if entry["rate"] is None:
        return [entry["label"], "none", "", "", "", "", "", "", size, "no", entry["guarantee"]]
    rates = [run["rate"] for run in good]
    spread = (max(rates) - min(rates)) / 2 / entry["rate"]
    records = good[0]["records"]
    return [
        entry["label"], f"{entry['rate']:,.0f}", f"{spread:.0%}", _rate(entry["late_rate"]), f"{entry['cpu_microseconds']:.2f}",
        f"{entry['broker_cpu_seconds'] / records * 1e6:.2f}", f"{entry['peak_rss_bytes'] / 2**20:,.0f}",
        f"{entry['start_seconds']:.1f}", size, "yes", entry["guarantee"],
    ]  # fmt: skip


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}x"


def _failures(entry: dict[str, Any]) -> list[str]:
    found = []
    for run in entry["runs"]:
        if "failed" in run:
            found.append(run["failed"].replace("\n", " "))
        elif not run["verdict"]["good"]:
            verdict = run["verdict"]
            found.append(
                f"{verdict['missing']} missing, {verdict['doubled']} doubled, {verdict['wrong']} wrong ({verdict['first_wrong']})"
            )
    return found


def _plain(whole: dict[str, Any]) -> str:
    rows = whole["measured"].get("rows", [])
    if not rows:
        return ""
    notes: str = whole["measured"].get("note", "")
    return "\n\n".join([notes, table(list(rows[0]), ([_shown(value) for value in row.values()] for row in rows))])


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


_COLUMNS = (
    "contender", "records/s", "± over rounds", "second half", "CPU µs/record", "of broker", "peak RSS MiB",
    "start s", "data", "complete", "guarantee",
)  # fmt: skip
_BODIES = {"compare": _compare}

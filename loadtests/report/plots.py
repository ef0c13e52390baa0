"""A scenario's plots, as SVG files that need no other file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "cityhub"  # the same figures make the same file
mpl.rcParams["svg.fonttype"] = "none"

from matplotlib import pyplot as plt  # noqa: E402 - after the backend is chosen


def plots(out: Path, stem: str, whole: dict[str, Any]) -> list[Path]:
    """Draws what the kind of scenario has to show. Paths of the files."""
    measured = whole["measured"]
    if whole["scenario"]["kind"] == "compare":
        return [_bars(out / f"{stem}-rate.svg", measured), _progress(out / f"{stem}-progress.svg", measured)]
    return [_lines(out / f"{stem}-{name}.svg", series) for name, series in measured.get("series", {}).items()]


def _save(path: Path, figure: Any) -> Path:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def _bars(path: Path, measured: dict[str, Any]) -> Path:
    entries = sorted((entry for entry in measured["entries"] if entry["rate"]), key=lambda entry: entry["rate"])
    figure, axes = plt.subplots(figsize=(8, 0.45 * len(entries) + 1.2))
    colours = ["#1f6f50" if entry["label"] == "hub" else "#9aa5b1" for entry in entries]
    bars = axes.barh([entry["label"] for entry in entries], [entry["rate"] for entry in entries], color=colours)
    axes.bar_label(bars, labels=[f"{entry['rate']:,.0f}" for entry in entries], padding=3)
    axes.set_xlabel("records a second, every order checked")
    axes.margins(x=0.12)
    return _save(path, figure)


def _progress(path: Path, measured: dict[str, Any]) -> Path:
    figure, axes = plt.subplots(figsize=(8, 4))
    for entry in measured["entries"]:
        runs = [run for run in entry["runs"] if run.get("rate")]
        if runs:
            # against the share of the run's own time: a straight line is a steady rate, however fast
            seconds, points = max(runs[0]["seconds"], 1e-9), runs[0]["progress"]
            axes.plot([at / seconds for at, _ in points], [share for _, share in points], label=entry["label"])
    axes.set_xlabel("share of the run's time between first and last commit")
    axes.set_ylabel("share committed")
    axes.legend(fontsize="small")
    return _save(path, figure)


def _lines(path: Path, series: dict[str, Any]) -> Path:
    """`series`: x label, y label, and lines by name, each a list of (x, y)."""
    figure, axes = plt.subplots(figsize=(8, 4))
    for name, points in series["lines"].items():
        axes.plot([x for x, _ in points], [y for _, y in points], label=name, marker="o" if len(points) < 30 else None)
    axes.set_xlabel(series["x"])
    axes.set_ylabel(series["y"])
    if series.get("log"):
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small")
    return _save(path, figure)

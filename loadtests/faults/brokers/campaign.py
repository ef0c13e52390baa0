"""Many rounds in turn on one cluster. What is done is on the disk after each, so that an interrupted run goes on where it was."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.errors import HubError
from loadtests.faults.brokers.plan import faults_of_round
from loadtests.faults.brokers.run import Ground, OnProgress, play

Done = dict[str, Any]
"""A round's outcome as JSON; with `error` instead of a proof where it did not come to rest."""


@dataclass(frozen=True)
class Campaign:
    """`faults` in rounds of `size`. The same seed makes the same faults; when they meet a transaction depends on the machine."""

    faults: int
    size: int
    seed: int
    rate: float
    kinds: tuple[str, ...]

    @property
    def rounds(self) -> list[int]:
        return list(range(1, -(-self.faults // self.size) + 1))

    def size_of(self, number: int) -> int:
        return min(self.size, self.faults - (number - 1) * self.size)


def run(campaign: Campaign, folder: Path, on_progress: OnProgress) -> Iterator[Done]:
    """Rounds done before, then those that are left, each as soon as it is over. `on_progress`: faults of all rounds."""
    book = folder / f"rounds-{campaign.seed}-{campaign.size}.jsonl"
    before = done_before(book)
    yield from before
    left = [number for number in campaign.rounds if number not in {one["round"] for one in before}]
    if not left:
        return
    shutil.rmtree(folder / "cluster", ignore_errors=True)
    on_progress("three brokers 启动", sum(one["faults"] for one in before))
    ground = Ground(folder, campaign.seed)
    try:
        for number in left:
            made = sum(one["faults"] for one in before)
            done = one_round(ground, campaign, number, lambda what, more, made=made: on_progress(what, made + more))  # type: ignore[misc]
            before.append(done)
            with book.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done, ensure_ascii=False) + "\n")
            yield done
    finally:
        ground.close()


def done_before(book: Path) -> list[Done]:
    return [json.loads(line) for line in book.read_text("utf-8").splitlines()] if book.exists() else []


def one_round(ground: Ground, campaign: Campaign, number: int, on_progress: OnProgress) -> Done:
    wanted = faults_of_round(number, campaign.seed, campaign.size_of(number), campaign.kinds)
    kinds = dict(Counter(fault.kind for fault in wanted))
    folder = ground.folder / f"round-{number:04d}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        done = play(ground, number, wanted, rate=campaign.rate, on_progress=on_progress).as_dict()
    except HubError as error:
        done = {"round": number, "good": False, "faults": len(wanted), "error": str(error)}
    if done["good"]:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        keep_logs(ground, number, folder)
    return done | {"kinds": kinds}


def keep_logs(ground: Ground, number: int, folder: Path) -> None:
    """Beside the workers' logs, what the brokers have of the round."""
    brokers = folder / "brokers"
    brokers.mkdir(parents=True, exist_ok=True)
    for node, one in ground.cluster.nodes.items():
        for partition in one.logs.glob(f"r{number:04d}.*"):
            shutil.copytree(partition, brokers / f"node-{node}" / partition.name, dirs_exist_ok=True)
        shutil.copy(one.log_path, brokers / f"node-{node}.log")


def summary(rounds: Sequence[Done]) -> dict[str, Any]:
    """All rounds together. Pure."""
    proved = [one for one in rounds if "proof" in one]
    kinds: Counter[str] = Counter()
    for one in rounds:
        kinds.update(one["kinds"])
    fences = [one["proof"]["fencing"]["1"] for one in proved]
    return {
        "good": bool(rounds) and all(one["good"] for one in rounds),
        "rounds": len(rounds),
        "rounds_good": sum(one["good"] for one in rounds),
        "faults": sum(one["faults"] for one in rounds),
        "minutes": round(sum(one.get("seconds", 0) for one in rounds) / 60, 1),
        "kinds": dict(sorted(kinds.items())),
        "records_in": sum(one["records_in"] for one in proved),
        "unaccounted": sum(one["proof"][at]["audit"]["unaccounted"] for one in proved for at in ("first", "again")),
        "doubled": sum(one["proof"][at]["audit"]["doubled"] for one in proved for at in ("first", "again")),
        "disagreements": sum(one["proof"][at]["state"]["disagreements"] for one in proved for at in ("first", "again")),
        "admitted_again": sum(one["proof"]["admitted_again"] for one in proved),
        "committed": sum(one["committed"] for one in fences),
        "aborted": sum(one["aborted"] for one in fences),
        "bad_rounds": [one["round"] for one in rounds if not one["good"]],
        "errors": {str(one["round"]): one["error"] for one in rounds if "error" in one},
    }

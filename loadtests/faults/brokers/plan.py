"""What is done to a cluster of three brokers in each round: drawn from the seed and the round's number. Pure."""

from __future__ import annotations

from random import Random

from loadtests.faults.plan import Fault, Kind

KINDS: dict[str, Kind] = {
    "kill-coordinator": Kind(
        4, (0.0, 3.0), "kill -9 of the broker that coordinates an agent's transactions or its group"
    ),
    "kill-leader": Kind(3, (0.0, 3.0), "kill -9 of the broker that leads a partition the hub writes to"),
    "kill-two": Kind(1, (0.0, 3.0), "kill -9 of two brokers of three"),
    "kill-all": Kind(1, (0.0, 3.0), "kill -9 of all three"),
    "roll": Kind(1, (0.0, 0.0), "each broker in turn stopped in order and started again"),
    "pause-coordinator": Kind(4, (1.0, 9.0), "SIGSTOP of a coordinator"),
    "pause-leader": Kind(3, (1.0, 9.0), "SIGSTOP of a leader"),
    "cut-clients": Kind(5, (0.5, 9.0), "a broker cut off from its clients: reset, stalled, or its answers held back"),
    "cut-brokers": Kind(3, (0.5, 9.0), "a broker cut off from the other brokers"),
    "cut-controllers": Kind(1, (0.5, 9.0), "a controller cut off from the others"),
    "isolate": Kind(2, (0.5, 9.0), "a broker cut off from everybody"),
    "kill-worker": Kind(2, (0.0, 2.0), "kill -9 of a worker, started again after a moment"),
    "pause-worker": Kind(1, (0.5, 10.0), "SIGSTOP of a worker, at times until its partitions have moved"),
}
_WAIT_SECONDS = (0.1, 2.0)


def faults_of_round(number: int, seed: int, size: int, kinds: tuple[str, ...] = tuple(KINDS)) -> list[Fault]:
    """`size` faults of round `number`, by weight. Two rounds differ, and each is the same whatever came before it."""
    draw = Random(f"{seed}:{number}")
    names = draw.choices(kinds, [KINDS[kind].weight for kind in kinds], k=size)
    return [
        Fault(at + 1, kind, draw.random(), draw.uniform(*KINDS[kind].seconds), draw.uniform(*_WAIT_SECONDS), False)
        for at, kind in enumerate(names)
    ]

"""What is done when: a list of faults drawn from a seed. Pure, so that a run can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

SESSION_MS = 6_000
"""Session timeout of the run's workers: a silent one loses its partitions after this."""
TRANSACTION_MS = 6_000
"""Transaction timeout of the run's workers: the broker aborts what is open for longer."""
MOST_WORKERS = 3
_SESSION, _TRANSACTION = SESSION_MS / 1000, TRANSACTION_MS / 1000


@dataclass(frozen=True)
class Kind:
    """How often a kind of fault comes, and how long one lasts (seconds, from and to)."""

    weight: int
    seconds: tuple[float, float]
    says: str


KINDS: dict[str, Kind] = {
    "kill-worker": Kind(4, (0.0, 3.0), "kill -9 of a worker, started again after a moment"),
    "pause-worker": Kind(3, (0.5, _SESSION * 0.7), "SIGSTOP of a worker for less than its session timeout"),
    "pause-worker-long": Kind(
        2, (_SESSION + 2, _SESSION + 5), "SIGSTOP of a worker until its partitions have moved, then it wakes: a zombie"
    ),
    "expire-transaction": Kind(
        2, (_TRANSACTION + 2, _TRANSACTION + 5), "SIGSTOP of a worker caught in an open transaction, until that expired"
    ),
    "kill-broker": Kind(1, (0.0, 3.0), "kill -9 of the broker, started again on its data"),
    "pause-broker": Kind(2, (1.0, 6.0), "SIGSTOP of the broker"),
    "full-disk": Kind(2, (2.0, 5.0), "no byte left under a state directory (a worker's or the connectors')"),
    "rebalance": Kind(4, (0.0, 0.0), "a worker more or fewer, stopped in order: 1 to 3"),
    "kill-connector": Kind(2, (0.0, 2.0), "kill -9 of a connector: what it sent after its cursor comes again"),
}
_WAIT_SECONDS = (0.5, 3.0)
_HURRIED = 0.35
"""Share of faults after which the next does not wait until work goes on."""


@dataclass(frozen=True)
class Fault:
    """One fault. `target` in [0, 1) chooses the victim among those there, and other halves of the kind."""

    number: int
    kind: str
    target: float
    seconds: float
    wait_seconds: float
    """Pause after it."""
    calm: bool
    """Wait also until work goes on, before the next."""


def faults(number: int, seed: int, kinds: Sequence[str] = tuple(KINDS)) -> list[Fault]:
    """The first round has every kind once, later ones each as often as its weight. Raises KeyError for an unknown kind."""
    shuffling, drawing = Random(f"kinds:{seed}"), Random(f"faults:{seed}")
    dealt: list[str] = []
    while len(dealt) < number:
        hand = [kind for kind in kinds for _ in range(KINDS[kind].weight if dealt else 1)]
        shuffling.shuffle(hand)
        dealt += hand
    return [
        Fault(
            at + 1,
            kind,
            drawing.random(),
            drawing.uniform(*KINDS[kind].seconds),
            drawing.uniform(*_WAIT_SECONDS),
            drawing.random() >= _HURRIED,
        )
        for at, kind in enumerate(dealt[:number])
    ]

"""Scenarios as files: what is measured, on how much data, with which settings. Unknown keys are errors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from hub.declared.document import load_yaml
from hub.errors import FatalError

FOLDER = Path(__file__).with_name("scenarios")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Named(_Strict):
    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str
    seed: int = 20260302


class Entry(_Strict):
    """One contender with its settings."""

    contender: str
    label: str
    records: Literal["full", "short"] = "full"
    """`short`: the beginning of the same data, for contenders that would take all day over the whole."""
    settings: dict[str, str | int | float] = Field(default_factory=dict)
    main: bool = True
    """Ratios are drawn with this entry; others are variants, shown beside it."""


class Compare(_Named):
    """All contenders in turn, on one broker and the same data."""

    kind: Literal["compare"]
    records: int = Field(ge=1000)
    short_records: int = Field(ge=1000)
    rounds: int = Field(1, ge=1)
    stall_seconds: float = Field(60, gt=0)
    contenders: tuple[Entry, ...] = Field(min_length=1)


class Core(_Named):
    """Bytes in to bytes out on one core: no broker, no Faust."""

    kind: Literal["core"]
    records: int = Field(ge=1000)
    chunk_records: tuple[int, ...] = (2000, 10_000)
    rounds: int = Field(3, ge=1)


class Connector(_Named):
    """File to Kafka, by rows and by columns."""

    kind: Literal["connector"]
    records: int = Field(ge=1000)
    rounds: int = Field(3, ge=1)
    long_records: int = Field(0, ge=0)
    """A longer file, once, for the size of its position."""


class Receivers(_Named):
    """Deliveries to many receivers by one webhook sink: without those that are dead or slow, and with them."""

    kind: Literal["receivers"]
    receivers: int = Field(ge=10)
    dead: float = Field(0.01, ge=0, lt=1)
    """Share of which half refuse the connection and half take it and never answer."""
    slow: float = Field(0.05, ge=0, lt=1)
    slow_seconds: float = Field(5, gt=0)
    rate: float = Field(100, gt=0)
    """Orders a second, over all receivers."""
    seconds: float = Field(60, gt=0)
    rounds: int = Field(2, ge=1)


class WebhookCalls(_Named):
    """Systems that call one webhook edge, and wait for their 202."""

    kind: Literal["webhook"]
    calls: int = Field(ge=100)
    """Of all callers together."""
    callers: tuple[int, ...] = (1, 8)


class Agents(_Named):
    """All three agents without Kafka and Faust: what an event with its whole life costs, by agent and step."""

    kind: Literal["agents"]
    records: int = Field(ge=1000)
    rate: float = Field(20_000, gt=0)
    """Records a second by the time of day that the agents are told; how fast they are is another matter."""
    chunk_records: tuple[int, ...] = (500, 2000, 10_000)
    rounds: int = Field(3, ge=1)
    answers: float = Field(0.9, ge=0, le=1)
    """Share of cases that their department resolves at once."""
    needs: tuple[str, ...] | None = None
    """What every department's purpose needs of a report; None: everything."""
    settings: dict[str, str | int | float] = Field(default_factory=dict)


class Sustained(_Named):
    """The whole hub with all its agents, fed at a steady rate: latency from arrival to order, memory, CPU."""

    kind: Literal["sustained"]
    rate: float = Field(gt=0)
    seconds: float = Field(gt=0)
    warmup_seconds: float = Field(10, ge=0)
    workers: int = Field(1, ge=1)
    answers: float = Field(0.9, ge=0, le=1)
    """Share of cases that their department resolves at once."""
    late_answer_seconds: float = Field(60, ge=0)
    """When it resolves the others."""
    late_repeats: int | None = Field(None, ge=1)
    """How many events the generator keeps that may come again late, the newest; without it no limit."""
    linger_ms: int = Field(2, ge=0)
    """How long the generator's producer collects a batch, which counts as latency. A batch is a request for each partition."""
    settings: dict[str, str | int | float] = Field(default_factory=dict)


class FrontLoad(_Named):
    """The web beside the hub: streams, posts, and the agents without and with them."""

    kind: Literal["front"]
    rate: float = Field(500, gt=0)
    """Events a second."""
    seconds: float = Field(60, gt=0)
    warmup_seconds: float = Field(10, ge=0)
    streams: int = Field(200, ge=1)
    posts: float = Field(50, gt=0)
    """A second."""
    settings: dict[str, str | int | float] = Field(default_factory=dict)


class Takeover(_Named):
    """Two workers share the job; one is killed, or stopped in order, under load."""

    kind: Literal["takeover"]
    rate: float = Field(gt=0)
    seconds_before: float = Field(15, gt=0)
    seconds_after: float = Field(30, gt=0)
    settings: dict[str, str | int | float] = Field(default_factory=dict)


class Scaling(_Named):
    """The job by one, two and four worker processes."""

    kind: Literal["scaling"]
    records: int = Field(ge=1000)
    workers: tuple[int, ...] = (1, 2, 4)
    stall_seconds: float = Field(60, gt=0)
    settings: dict[str, str | int | float] = Field(default_factory=dict)


class Dedup(_Named):
    """The memory of what was seen: bytes a key, time to read it back, speed when it is full."""

    kind: Literal["dedup"]
    keys: tuple[int, ...] = (100_000, 1_000_000, 10_000_000)
    chunk_records: int = Field(10_000, ge=1)
    probe_records: int = Field(500_000, ge=1)
    quiet_keys: int | None = Field(None, ge=1)
    """So many keys once more, each in a changelog record of its own, as a quiet city writes them."""


class Ledger(Agents):
    """The ledger alone: what a record of the topics costs it, all at once as in a rebuild, and few at a time as they come."""

    kind: Literal["ledger"]  # type: ignore[assignment]
    live_records: int = Field(400, ge=1)
    """In one transaction, as 2,000 a second come in a fifth of a second."""


Scenario = Annotated[
    Compare
    | Connector
    | Receivers
    | WebhookCalls
    | Core
    | Agents
    | Sustained
    | FrontLoad
    | Takeover
    | Scaling
    | Dedup
    | Ledger,
    Field(discriminator="kind"),
]


class _File(RootModel[Scenario]):
    """What a scenario's file holds."""


def names() -> list[str]:
    """Scenarios there are, by file name."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def expand(name: str) -> list[str]:
    """`all` and `all-small` stand for every scenario, whole and small; any other name for itself."""
    if name not in ("all", "all-small"):
        return [name]
    return [one for one in names() if one.endswith("-small") == (name == "all-small")]


def load(name: str) -> Any:
    """A scenario by name, or by the path of a file. Raises FatalError that says what is wrong and where."""
    path = FOLDER / f"{name}.yaml"
    if not path.exists():
        path = Path(name)
    if not path.is_file():
        raise FatalError(f"no scenario is called {name}; known: {', '.join(names())}")
    return load_yaml(path, _File).root

"""What the demo shows while it runs: tables in a terminal, a line every few seconds elsewhere. Draws; asks nobody."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hub.millis import datetime_of
from hub.scrape import Metrics

_RATE_SECONDS = 5.0


@dataclass(frozen=True)
class Snapshot:
    """All that is shown at one moment."""

    metrics: Metrics
    seconds: float
    """Wall seconds since the show began."""
    now_ms: int | None = None
    """The simulation's time."""
    dead: int = 0
    """Dead letters, the connectors' and the agents'."""
    note: str = ""

    def outcome(self, agent: str, outcome: str) -> int:
        return int(self.metrics.total("hub_outcomes_total", agent=agent, outcome=outcome))

    def taken_in(self) -> Counter[str]:
        """Records in, by source or department."""
        return self.metrics.by("source", "hub_events_in_total", agent="deduplicate")

    @property
    def lag(self) -> int:
        return int(self.metrics.total("hub_lag_records"))

    @property
    def unaccounted(self) -> int:
        return int(self.metrics.total("hub_unaccounted_events"))

    @property
    def breaches(self) -> int:
        return int(self.metrics.total("hub_deadline_breaches_total"))


class View:
    """Turns snapshots, given in their order, into something to look at."""

    def __init__(self, title: str, sources: Sequence[str], departments: Sequence[str], zone: str) -> None:
        self._title = title
        self._sources = sources
        self._departments = departments
        self._zone = ZoneInfo(zone)
        self._history: deque[tuple[float, int]] = deque()

    def tables(self, shot: Snapshot) -> RenderableType:
        """For rich.live."""
        rate = self._rate(shot)
        head = Text.assemble(
            (self._title, "bold"), f"   {self._clock(shot)}   {shot.seconds:.0f} s   ", (shot.note, "dim")
        )
        return Group(head, Columns([self._flow(shot), self._departments_table(shot), self._health(shot, rate)]))

    def line(self, shot: Snapshot) -> str:
        """For logs and pipes."""
        taken = shot.taken_in()
        events = sum(taken[source] for source in self._sources)
        updates = sum(taken.values()) - events
        return (
            f"{shot.seconds:5.0f}s {self._clock(shot)} events {events} ({self._rate(shot):.0f}/s)"
            f" cases {shot.outcome('route', 'opened')} links {shot.outcome('route', 'linked')}"
            f" repeats {shot.outcome('deduplicate', 'repeat')} dead {shot.dead} updates {updates}"
            f" warnings {shot.metrics.total('hub_deadline_warnings_total'):.0f} breaches {shot.breaches}"
            f" latency p50 {_seconds(shot, 0.5)} p99 {_seconds(shot, 0.99)} lag {shot.lag}"
            f" unaccounted {shot.unaccounted} {shot.note}"
        ).rstrip()

    def _rate(self, shot: Snapshot) -> float:
        """Records in, a second, over the last few seconds."""
        self._history.append((shot.seconds, shot.taken_in().total()))
        while len(self._history) > 2 and self._history[0][0] < shot.seconds - _RATE_SECONDS:
            self._history.popleft()
        (began, before), (ended, after) = self._history[0], self._history[-1]
        return (after - before) / (ended - began) if ended > began else 0.0

    def _clock(self, shot: Snapshot) -> str:
        if shot.now_ms is None:
            return ""
        return datetime_of(shot.now_ms, self._zone).strftime("%a %Y-%m-%d %H:%M")

    def _flow(self, shot: Snapshot) -> Panel:
        taken = shot.taken_in()
        table = Table.grid(padding=(0, 2))
        for source in self._sources:
            table.add_row(f"{source} in", f"{taken[source]:,}")
        table.add_row("updates 反馈", f"{sum(n for who, n in taken.items() if who not in self._sources):,}")
        table.add_section()
        table.add_row("cases 案件", f"{shot.outcome('route', 'opened'):,}", style="bold")
        table.add_row("links 关联", f"{shot.outcome('route', 'linked'):,}")
        table.add_row("repeats 重复", f"{shot.outcome('deduplicate', 'repeat'):,}")
        table.add_row("dead letters 死信", f"{shot.dead:,}")
        return Panel(table, title="events 事件", expand=False)

    def _departments_table(self, shot: Snapshot) -> Panel:
        cases = shot.metrics.by("department", "hub_open_cases")
        warned = shot.metrics.by("department", "hub_deadline_warnings_total")
        breached = shot.metrics.by("department", "hub_deadline_breaches_total")
        table = Table("department 部门", box=None, padding=(0, 1))
        for head in ("open 在办", "warned 预警", "breached 超时"):
            table.add_column(head, justify="right")
        for name in self._departments:
            late = Text(str(breached[name]), style="bold red" if breached[name] else "dim")
            table.add_row(name, str(cases[name]), str(warned[name]), late)
        return Panel(table, title="deadlines 时限", expand=False)

    def _health(self, shot: Snapshot, rate: float) -> Panel:
        table = Table.grid(padding=(0, 2))
        table.add_row("records a second", f"{rate:,.0f}")
        table.add_row("arrival to order, p50", _seconds(shot, 0.5))
        table.add_row("arrival to order, p99", _seconds(shot, 0.99))
        table.add_row("lag 积压", f"{shot.lag:,}")
        table.add_row("unaccounted 未对账", Text(str(shot.unaccounted), "bold red" if shot.unaccounted else "green"))
        return Panel(table, title="health 运行", expand=False)


def what_latency_is(shot: Snapshot, processors: int) -> str:
    """What "arrival to order" is made of, so that nobody takes the demo's for a deployment's; empty before there was any."""
    took = _seconds(shot, 0.5)
    if took == "-":
        return ""
    one = _seconds(shot, 0.5, "hub_transaction_seconds")
    return (
        f"Arrival to order took {took} (p50): two transactions in a row ({one} that of `route`), and waiting for them, "
        f"while time runs fast and everything shares the {processors} processors of this machine. "
        "延迟含排队：时间加速，全部组件共用本机处理器。"
    )


def _seconds(shot: Snapshot, share: float, name: str = "hub_latency_seconds") -> str:
    value = shot.metrics.quantile(share, name, agent="route")
    return "-" if value is None else f"{value * 1000:.0f} ms" if value < 10 else f"{value:.0f} s"

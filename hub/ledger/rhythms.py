"""Says by metrics who is silent against its own rhythm: sources, and departments with orders that nobody answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import Gauge

from hub import metrics
from hub.clock import ClockKind
from hub.core.figures.rhythm import Silence
from hub.ledger import queries
from hub.ledger.arrivals import SenderArrivals, Unanswered, department_arrivals, source_arrivals, unanswered_orders
from hub.ledger.database import Database

_SOURCES: Mapping[str, Gauge] = {
    "came": metrics.SOURCE_CAME, "missing": metrics.SOURCE_MISSING, "last": metrics.SOURCE_LAST, "silent": metrics.SOURCE_SILENT,
    "known_days": metrics.SOURCE_KNOWN_DAYS,
}  # fmt: skip
_DEPARTMENTS: Mapping[str, Gauge] = {
    "came": metrics.DEPARTMENT_CAME, "missing": metrics.DEPARTMENT_MISSING, "last": metrics.DEPARTMENT_LAST,
    "silent": metrics.DEPARTMENT_SILENT, "known_days": metrics.DEPARTMENT_KNOWN_DAYS,
}  # fmt: skip


class RhythmGauges:
    """Of one ledger. A sender that is no more is shown no more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shown: dict[Gauge, set[str]] = {}

    def look(self) -> None:
        """Ask the ledger as of when it was level with the topics last: what it has not read yet is no silence.

        Raises what hub.sdk.errors names.
        """
        with self._database.transaction() as connection:
            level_ms, _ = queries.last_standing(connection)
            if not level_ms:
                return
            sources = source_arrivals(connection, level_ms, ClockKind.WALL)
            departments = department_arrivals(connection, level_ms, ClockKind.WALL)
            owed = unanswered_orders(connection)
        self._show_all(_SOURCES, sources)
        self._show_all(_DEPARTMENTS, departments)
        self._show_owed({each.sender: Unanswered(0, 0) for each in departments} | owed)

    def _show_all(self, gauges: Mapping[str, Gauge], senders: Iterable[SenderArrivals]) -> None:
        by_sender = {each.sender: _figures(each.silence, sum(each.hours)) for each in senders}
        for name, gauge in gauges.items():
            self._show(gauge, {sender: figures[name] for sender, figures in by_sender.items()})

    def _show_owed(self, owed: Mapping[str, Unanswered]) -> None:
        self._show(metrics.UNANSWERED_ORDERS, {name: each.orders for name, each in owed.items()})
        self._show(metrics.UNANSWERED_SINCE, {name: each.oldest_ms / 1000 for name, each in owed.items()})

    def _show(self, gauge: Gauge, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            gauge.labels(name).set(value)
        for name in self._shown.get(gauge, set()) - values.keys():
            gauge.remove(name)
        self._shown[gauge] = set(values)


def _figures(silence: Silence, came: int) -> Mapping[str, float]:
    return {
        "came": came, "missing": silence.missing, "last": silence.last_ms / 1000, "silent": silence.is_silent,
        "known_days": silence.known_days,
    }  # fmt: skip

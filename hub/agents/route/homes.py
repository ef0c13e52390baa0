"""`route` says again where reports' cases are, for as long as it remembers them: `deduplicate` would forget it."""

from __future__ import annotations

from hub import topics
from hub.agents.context import Hub
from hub.core.cases.homes import renewal
from hub.core.cases.statements import RENEWED, RouteBook
from hub.millis import DAY_MS
from hub.stream.changelog.state import JournaledState
from hub.stream.outlet import Transaction

_AT_ONCE = 2_000
"""Reports of a partition, about, with one chunk: after a long rest all cases are due together."""


def say_homes(hub: Hub, tx: Transaction, state: JournaledState[RouteBook]) -> None:
    """By the time of day, also in a replay: that is what `deduplicate` forgets by."""
    now_ms, window_ms = hub.wall.now_ms(), int(hub.settings.dedup_window_days * DAY_MS)
    said: list[tuple[str, str, str]] = []
    for partition in state.partitions():
        journal = state.journal(partition)
        cases = (case for _, case in journal.book.cases.items())
        due = renewal(cases, journal.book.renewed_ms, now_ms, window_ms, _AT_ONCE)
        if due is not None:
            said += [(*report.key, case.place_key) for case in due.cases for report in case.reports]
            journal.put(RENEWED, due.until_ms)
    if said:
        source, ref, place_key = map(list, zip(*said, strict=True))
        columns = {"source": source, "source_ref": ref, "place_key": place_key, "at": [now_ms] * len(said)}
        tx.publish(topics.HOMES, hub.codec.encode_columns("cityhub.Home", columns), ref)

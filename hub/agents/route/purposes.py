"""What an order carries of the report behind it: what its department's purpose needs, and nothing else."""

from __future__ import annotations

from functools import partial
from typing import Any

from hub.agents.context import Hub
from hub.agents.grouping import rows_by
from hub.core.withholding import without_kinds
from hub.model.event import CaseEvent
from hub.model.personal import Personal


def withhold(hub: Hub, columns: dict[str, Any], bodies: list[bytes | None]) -> None:
    """Take out of orders, given as columns with the reports' bodies, what their departments are not told. Departments that need
    everything keep the very bytes that came from the source."""
    for withheld, rows in rows_by(map(hub.withheld, columns["department"])).items():
        if not withheld:
            continue
        if Personal.WORDS in withheld:
            for row in rows:
                columns["reason"][row] = None
        with_report = [row for row in rows if bodies[row] is not None]
        change = partial(without_kinds, record=CaseEvent, withheld=withheld)
        told = hub.codec.bodies_changed(CaseEvent.subject(), [bodies[row] or b"" for row in with_report], change)
        for row, body in zip(with_report, told, strict=True):
            bodies[row] = body

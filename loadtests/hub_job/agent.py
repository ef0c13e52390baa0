"""The job as an agent of the hub, as a developer would write it: decode, drop repeats, route, first due time, order."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

from hub.agents.context import Hub
from hub.agents.view import AgentView
from hub.clock import wall_ms
from hub.core.dedup.admission import admit
from hub.core.dedup.memory import SeenState
from hub.errors import Reason
from hub.millis import DAY_MS
from hub.stream.chunk import Chunk
from hub.stream.inlet import Inlet
from hub.stream.outlet import Outlet
from hub.topics import DEDUPLICATE_CHANGELOG, Topic
from loadtests.hub_job.work import OrderWork

NAME = os.environ.get("LOAD_RUN", "load")
EVENTS = Topic(os.environ.get("LOAD_EVENTS", "load.events"), "source_ref", "cityhub.CaseEvent")
ORDERS = Topic(os.environ.get("LOAD_ORDERS", "load.orders"), "case_id", "cityhub.Order")
CHANGELOG = Topic(f"{NAME}.changelog", "none", None, {"max.message.bytes": "12582912"})


def attach(app: Any, hub: Hub) -> AgentView:
    """Add the agent and its inlet to a Faust app."""
    state = SeenState(int(hub.settings.dedup_window_days * DAY_MS), DEDUPLICATE_CHANGELOG, wall_ms)
    state.changelog = CHANGELOG
    inlet = Inlet(app, hub.settings, NAME, [EVENTS.name], state)
    outlet = Outlet(hub.settings, NAME, hub.codec, state)
    work = OrderWork(hub.city, hub.codec)

    @app.agent(inlet.channel, name=NAME)
    async def order(chunks: AsyncIterator[Chunk]) -> None:
        async for chunk in chunks:
            async with outlet.transaction(chunk) as tx:
                decoded = hub.codec.decode_many("cityhub.CaseEvent", chunk.values)
                for reject in decoded.rejects:
                    tx.reject(reject.index, reject.reason, reject.detail)
                arrivals = work.arrivals(EVENTS.name, chunk.partitions, chunk.offsets, chunk.values, decoded)
                admission = admit(arrivals, state.seen, wall_ms())
                state.stage(admission.fresh)
                case_ids, values = work.orders(decoded, admission.first)
                tx.publish(ORDERS, values, case_ids)
                for row in admission.conflicts.row.tolist():
                    tx.reject(int(decoded.rows[row]), Reason.CONFLICT, "the load repeats itself with other content")
                tx.account("order", len(admission.first))
                tx.account("repeat", len(admission.repeats.row))
                tx.arrived(chunk.arrived_ms)

    app.service(inlet)
    return AgentView(inlet)

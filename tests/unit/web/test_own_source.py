"""The hub's own source of Open311 reads the hub's own server, each begun anew in the middle: nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.types import Receive, Scope, Send

from hub.model.update import Update
from hub.open311.models import iso_of
from hub.sdk.contract import Context, Position
from hub.sdk.sources.open311.config import Open311Config
from hub.sdk.sources.open311.source import Open311Source
from hub.serving import PortLimits, Server
from hub.web.tokens import TokenKind
from tests.unit.web.front import NOON, memory_web

_MOST_READS = 200


def test_every_report_and_its_end_are_seen_once(tmp_path: Path) -> None:
    with memory_web(tmp_path) as web:

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await web.app(scope, receive, send)  # whichever process serves now

        key = web.tokens.new(TokenKind.OPEN311, "app", ["read", "write"])
        refs = []
        for number in range(7):
            fields = {"api_key": key, "service_code": "road.pothole", "lat": str(34 + number / 100), "long": "114.515"}
            refs.append(web.client.post("/open311/v2/requests.json", data=fields).json()[0]["service_request_id"])
            web.hub.clock.pass_seconds(60)
        web.settle()
        with Server(app, "127.0.0.1", 0, PortLimits(16, 20, renewed=True), "web") as server:
            config = Open311Config(
                base_url=f"http://127.0.0.1:{server.port}/open311/v2", start=iso_of(NOON - 3_600_000), page_size=2, once=True,
                changed_params=("updated_after", "updated_before"),
            )  # fmt: skip
            found: list[dict[str, Any]] = []
            position, rounds, reads = None, 0, 0
            while rounds < 2:
                position, is_last = read(config, position, found)
                if reads == 1:  # its answer comes between two pages, and the server is another from now on
                    order = web.hub.records("dept.roads.orders", kind="ASSIGN")[-1]
                    fields = {"department": "roads", "case_id": order["case_id"], "at": web.hub.clock.now_ms}
                    web.hub.publish(Update(update_id="U", status="RESOLVED", **fields))
                    web.settle()
                    web.rebuild()
                rounds, reads = rounds + is_last, reads + 1
                web.hub.clock.pass_seconds(60 * is_last)
                assert reads < _MOST_READS
        opened = [each["service_request_id"] for each in found if each["statement"] == "opened"]
        assert set(opened) == set(refs)
        ended = [each for each in found if each["statement"] == "closed"]
        assert {each["service_request_id"] for each in ended} == {order["event"]["source_ref"]}
        distinct = {(each["service_request_id"], each["statement"], each["said_at"]) for each in found}
        assert len({pair[:2] for pair in distinct if pair[1] != "open"}) == len(refs) + 1, (
            "what comes again says the same"
        )


def read(config: Open311Config, position: Position | None, found: list[dict[str, Any]]) -> tuple[Position | None, bool]:
    """One batch, by a source that knows nothing but where the one before it was."""
    source = Open311Source(config, Context(domain="neighbour"))
    source.connect(position)
    try:
        batch = source.read(1.0)
        found += [dict(item.values) for item in batch.items if item.values is not None]
        source.ack(batch)
        return batch.after or position, batch.last
    finally:
        source.close()

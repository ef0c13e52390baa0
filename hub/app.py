"""The worker: a Faust app with the three agents, their inlets and its web pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import faust

from hub import topics
from hub.agents import deduplicate, route, track
from hub.agents.context import Hub
from hub.agents.live_policy import LivePolicy, answer
from hub.policy import load_city
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.stream.codec import Codec
from hub.stream.registry import make_registry
from hub.web import pages

AGENTS = {deduplicate.NAME: deduplicate, route.NAME: route, track.NAME: track}


def make_hub(settings: Settings) -> Hub:
    """Load what the agents share. Raises FatalError on a faulty policy or schema."""
    city = load_city(settings.city)
    return Hub(settings, LivePolicy(city), Codec(make_registry(settings)), tuple(discover()), tuple(city.departments))


def make_app(hub: Hub, agents: tuple[str, ...] = tuple(AGENTS)) -> faust.App:
    """A Faust app that runs these agents. Kafka's data flows through the inlets; Faust's own topic is the control plane."""
    settings = hub.settings
    app = faust.App(
        # every worker hears every announcement, so each is a consumer group of its own here
        f"{settings.namespace}cityhub.{settings.instance}",
        broker=[f"aiokafka://{server}" for server in settings.bootstrap_servers.split(",")],
        store="memory://",
        datadir=str(Path(settings.state_dir) / f"faust-{settings.instance}"),
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        broker_session_timeout=10,
        broker_heartbeat_interval=3,
        web_host=settings.web_host,
        web_bind=settings.web_host,
        web_port=settings.web_port,
        web_cors_options=None,
    )

    announced = app.topic(settings.topic(topics.CONTROL.name), value_type=bytes, value_serializer="raw")

    @app.agent(announced, name="control")
    async def control(announcements: AsyncIterator[bytes]) -> None:
        async for announcement in announcements:
            said = await asyncio.to_thread(answer, announcement, hub.policy, settings.city, settings.instance)
            if said is not None:
                await announced.send(value=said)

    inlets = [AGENTS[name].attach(app, hub) for name in agents]

    async def finish(*_: Any, **__: Any) -> None:
        """Stop the inlets together, while their agents still answer."""
        await asyncio.gather(*(inlet.stop() for inlet in inlets))

    app.on_before_shutdown.connect(finish, weak=False)
    pages.attach(app, agents)
    return app

"""The worker: a Faust app with the three agents, their inlets, its end of the control topic and its web pages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import faust

from hub.agents.context import Hub
from hub.agents.live_policy import POLICY_REFUSED, LivePolicy, answer
from hub.agents.modules import AGENTS
from hub.agents.view import AgentView, open_cases, show_cases, touched_cases
from hub.control.clocks import CheckedClock
from hub.control.presence import Presence, RulesState
from hub.control.records import MAX_LINES, PolicyReload, TopicsTaken
from hub.control.topic import ControlTopic, Entry
from hub.core.dedup.memory import PACKING_VERSION
from hub.policy import load_city
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry, make_registry
from hub.stream.inlet import Inlet
from hub.stream.kafka.known import KnownTopics, on_broker
from hub.stream.pauses.standings import Standing
from hub.stream.watch import unread
from hub.stream.watch.retention import RetentionWatch
from hub.topics import all_topics
from hub.web.pages import Pages


def make_hub(settings: Settings) -> Hub:
    """Load what the agents share. Raises FatalError on a faulty policy or schema."""
    city = load_city(settings.city)
    codec = Codec(make_registry(settings))
    wall = CheckedClock(int(settings.clock_apart_seconds * 1000))
    sources = tuple(discover())
    declared = [topic.name for topic in all_topics(sources, city.departments)]
    known = KnownTopics(declared, on_broker(settings, "topics"))
    return Hub(settings, LivePolicy(city, known), codec, sources, known, wall=wall)


class _App(faust.App):
    """Faust's own Kafka client is left out (ops/adr/0020): it would have to read some topic, and what lies there could end it."""

    class BootStrategy(faust.App.BootStrategy):
        enable_kafka = False


def make_app(hub: Hub, agents: tuple[str, ...] = tuple(AGENTS)) -> faust.App:
    """A Faust app that runs these agents. Kafka's data flows through the inlets, what operators say through the control topic."""
    settings = hub.settings
    app = _App(
        f"{settings.namespace}cityhub.{settings.instance}",
        store="memory://",
        datadir=str(Path(settings.state_dir) / f"faust-{settings.instance}"),
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,  # its own pages say more than strangers need, and bound nothing
    )
    app.flow_control.resume()  # what Faust does once its own consumer has partitions: channels take chunks from now on
    views: list[AgentView] = []
    control, presence = _control_plane(hub, agents, views)
    app.service(control)
    app.service(presence)
    views += [AGENTS[name].attach(app, hub) for name in agents]
    show_cases(views, hub.departments, hub.city.dispatch_desk)
    hub.policy.listeners.append(lambda: show_cases(views, hub.departments, hub.city.dispatch_desk))
    inlets = [view.inlet for view in views]
    reads = {name: inlet.reads for name, inlet in zip(agents, inlets, strict=True)}
    app.service(RetentionWatch(settings, reads))

    async def finish(*_: Any, **__: Any) -> None:
        """Stop the inlets together, while their agents still answer."""
        await asyncio.gather(*(inlet.stop() for inlet in inlets))

    app.on_before_shutdown.connect(finish, weak=False)

    def paused() -> dict[str, Standing]:
        return {topic: why for inlet in inlets for topic, why in dict(inlet.paused).items()}

    app.service(Pages(settings, agents, hub.gate, hub.wall, paused))
    if unread.READER in reads:
        _tell_of_topics(hub, control, inlets[agents.index(unread.READER)])
        app.service(unread.UnreadWatch(settings, reads[unread.READER], paused))
    return app


def _program() -> int:
    """How new this program is: both numbers only grow, and one of them does with each version of what agents write or keep."""
    return max(schema.id for schema in FileRegistry().all()) + PACKING_VERSION


def _control_plane(hub: Hub, agents: tuple[str, ...], views: Sequence[AgentView]) -> tuple[ControlTopic, Presence]:
    """What hears operators and the other workers, and takes up new rules when either say so. `views`: of the agents, once they
    are there."""
    settings, policy = hub.settings, hub.policy
    control = ControlTopic(settings, hub.gate)

    def rules() -> RulesState:
        return RulesState(policy.latest.version, policy.latest.fingerprint)

    def adopt(fingerprint: str) -> list[str]:
        result, lines = policy.reload(settings.city, fingerprint, open_cases(views))
        return lines if result == POLICY_REFUSED else []

    presence = Presence(settings, agents, hub.process, hub.gate, hub.wall, control, rules, adopt, _program())

    def reload(entry: Entry[PolicyReload]) -> None:
        if entry.live:
            before = policy.latest
            said = answer(
                entry.record,
                policy,
                settings.city,
                settings.instance,
                hub.process,
                open_cases(views),
                partial(touched_cases, views),
            )
            if policy.latest is not before and hub.gate.closed is None:
                presence.take()
            control.publish(said)

    control.subscribe(PolicyReload, reload)
    return control, presence


def _tell_of_topics(hub: Hub, control: ControlTopic, inlet: Inlet) -> None:
    """What this worker takes up is put down on the control topic; when another does, or rules are new, it looks at once."""

    def tell(topics: Sequence[str]) -> None:
        instance = hub.settings.instance
        control.publish(TopicsTaken(instance=instance, process=hub.process, topics=tuple(topics[:MAX_LINES])))

    def hear(entry: Entry[TopicsTaken]) -> None:
        if entry.live and entry.record.process != hub.process:
            inlet.look_soon()

    inlet.reads.listeners.append(tell)
    control.subscribe(TopicsTaken, hear)
    hub.policy.listeners.append(inlet.look_soon)

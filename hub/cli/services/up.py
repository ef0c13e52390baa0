"""`cityhub up`: the quick way to a running hub."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from hub.broker.kafka import EmbeddedKafka
from hub.broker.progress import show_progress
from hub.broker.storage import free_port
from hub.cli.access.first import announce_first_user
from hub.cli.policy.keeping import require_kept
from hub.cli.process.children import Child
from hub.cli.process.supervision import Supervisor
from hub.cli.services.web import PORT
from hub.cli.terminal.options import CONFIGURED, is_kafka_named, with_own_settings
from hub.errors import FatalError
from hub.policy import load_city
from hub.scrape import fetch
from hub.screen import Screen
from hub.sdk.manifest import discover
from hub.serving import listen
from hub.settings import Settings
from hub.signals import ended_by_signals
from hub.stream.admin.topics import ensure_topics
from hub.topics import all_topics

_LOOK_SECONDS = 0.5
_LEDGER_PORT = 6081


@click.command()
@click.option(
    "--embedded/--no-embedded", default=None, help="Start Kafka too.  [yes, unless bootstrap servers are named]"
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port of the embedded Kafka.  [as before, else any]"
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Of the embedded Kafka.  [kafka in the state directory]",
)
@click.option(
    "--web-port",
    type=click.IntRange(0, 65535),
    help="Port of /metrics, /healthz and /readyz, 0 for any.  [CITYHUB_WEB_PORT; 6066]",
)
@click.option(
    "--front-port", type=click.IntRange(1, 65535), envvar="CITYHUB_FRONT_PORT",
    help="Port of `cityhub web`: departments, Open311.  [6080, or any if that is taken]",
)  # fmt: skip
@with_own_settings
def up(
    settings: Settings, embedded: bool | None, port: int, data_dir: Path | None, web_port: int | None, front_port: int | None
) -> None:  # fmt: skip
    """Start a hub 启动 and keep it running until Ctrl-C: Kafka if need be, the topics, the worker, the web, the ledger.

    A worker that ends is started again, slower each time; nothing is lost or doubled by that, and Kafka stays for all others.
    """
    console = Screen(stderr=True, soft_wrap=True)
    settings = with_own_port(settings.changed(web_port=web_port))
    if embedded is None:
        embedded = not is_kafka_named(settings)
    with ended_by_signals(), ExitStack() as stack:
        kafka = None
        if embedded:
            with show_progress(console) as on_progress:
                folder = data_dir or settings.state_dir / "kafka"
                kafka = stack.enter_context(EmbeddedKafka(folder, port, on_progress=on_progress))
            settings = settings.on_this_machine(kafka.bootstrap_servers)
        city = load_city(settings.city)
        require_kept(city, settings)
        created = ensure_topics(settings, city.kept(all_topics(discover(), city.departments)))
        if created:
            console.print(f"Created {len(created)} topics")
        logs = settings.state_dir / "logs"
        front, ledger = str(front_port or _port_like(PORT)), str(_port_like(_LEDGER_PORT))
        announce_first_user(settings)
        supervisors = [
            _supervised(name, argv, settings, logs, console)
            for name, argv in (
                ("worker", ["worker"]),
                ("web", ["web", "--port", front]),
                ("ledger", ["ledger", "run", "--port", ledger]),
            )
        ]
        stack.callback(_stop, supervisors, console)
        _announce(settings, front, ledger, logs, console)
        _watch(settings, supervisors, kafka, console)


def with_own_port(settings: Settings) -> Settings:
    """With 0 any port is good, and chosen here: the addresses that are said, and who looks whether the worker is ready, need it."""
    return settings if settings.web_port else settings.changed(web_port=free_port())


def _supervised(name: str, argv: list[str], settings: Settings, logs: Path, console: Console) -> Supervisor:
    start = partial(Child, name, argv, settings, logs / f"{name}.log")
    return Supervisor(name, start, console.print, time.monotonic)


def _port_like(usual: int) -> int:
    """The usual one, unless another hub on this machine has it."""
    try:
        listen("127.0.0.1", usual).close()
    except OSError:
        return free_port()
    return usual


def _announce(settings: Settings, front: str, ledger: str, logs: Path, console: Console) -> None:
    web = f"http://{settings.web_host}:{settings.web_port}"
    console.print(
        f"Kafka 消息总线   {settings.bootstrap_servers}   (commands in this folder find it; elsewhere: "
        f"export {CONFIGURED}={settings.bootstrap_servers})"
    )
    console.print(f"metrics 指标     {web}/metrics   health {web}/healthz   ready {web}/readyz")
    console.print(
        f"web 网关         http://127.0.0.1:{front}   (departments, Open311: docs/gateway.md, docs/open311.md)"
    )
    console.print(f"board 看板       http://127.0.0.1:{front}/board   (log in as somebody of `cityhub user list`)")
    console.print(f"ledger 台账      http://127.0.0.1:{ledger}/metrics   (for alarms: docs/alarms.md)")
    console.print(f"logs             {logs}/worker.log, web.log, ledger.log")


def _watch(
    settings: Settings, supervisors: Sequence[Supervisor], kafka: EmbeddedKafka | None, console: Console
) -> None:
    ready = False
    while True:
        time.sleep(_LOOK_SECONDS)
        for supervisor in supervisors:
            supervisor.look()
        if kafka is not None and kafka.pid is None:
            raise FatalError(f"the embedded Kafka ended by itself. The end of {kafka.log_path}:\n{kafka.log_tail()}")
        if not ready and fetch(f"http://{settings.web_host}:{settings.web_port}/readyz") is not None:
            ready = True
            console.print("Ready 就绪. Send events with `cityhub connector run`; Ctrl-C stops everything.")


def _stop(supervisors: Sequence[Supervisor], console: Console) -> None:
    console.print("Stopping 停止")
    for supervisor in supervisors:
        supervisor.stop()

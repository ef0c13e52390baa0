"""Options that many commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from hub.broker.storage import Storage
from hub.settings import Settings

CONFIGURED = "CITYHUB_BOOTSTRAP_SERVERS"


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --bootstrap-servers, --namespace and --city, and pass the Settings made of them and of the environment.

    Where nobody names a Kafka it is the one that `cityhub up` runs on this state directory, if it does.
    """
    return _with_settings(command, running_here)


def with_own_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for commands that start a Kafka themselves unless one is named."""
    return _with_settings(command, lambda settings: settings)


def running_here(settings: Settings) -> Settings:
    """With the embedded Kafka of this state directory, if it runs and no other is named."""
    port = None if is_kafka_named(settings) else Storage(settings.state_dir / "kafka").serving_port()
    return settings if port is None else settings.on_this_machine(f"127.0.0.1:{port}")


def is_kafka_named(settings: Settings) -> bool:
    """Whether somebody named a Kafka, by option or environment, or said how to prove oneself to one."""
    plain = Settings()
    named = bool(os.environ.get(CONFIGURED)) or settings.bootstrap_servers != plain.bootstrap_servers
    return named or settings.kafka_security != plain.kafka_security


def _with_settings(command: Callable[..., Any], looked_up: Callable[[Settings], Settings]) -> Callable[..., Any]:
    @click.option(
        "--bootstrap-servers",
        metavar="HOST:PORT",
        help="Kafka to use.  [CITYHUB_BOOTSTRAP_SERVERS; that of `cityhub up` in this folder; 127.0.0.1:9092]",
    )
    @click.option("--namespace", help="Prefix of all topic names.  [CITYHUB_NAMESPACE; none]")
    @click.option(
        "--city",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Policy folder.  [CITYHUB_CITY; the demo city]",
    )
    @wraps(command)
    def wrapped(bootstrap_servers: str | None, namespace: str | None, city: Path | None, **arguments: Any) -> Any:
        settings = Settings.from_env(bootstrap_servers=bootstrap_servers, namespace=namespace, city=city)
        return command(settings=looked_up(settings), **arguments)

    return wrapped

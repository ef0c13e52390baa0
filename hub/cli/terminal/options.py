"""Options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from hub.settings import Settings


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --bootstrap-servers, --namespace and --city, and pass the Settings made of them and of the environment."""

    @click.option(
        "--bootstrap-servers", metavar="HOST:PORT", help="Kafka to use.  [CITYHUB_BOOTSTRAP_SERVERS; 127.0.0.1:9092]"
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
        return command(settings=settings, **arguments)

    return wrapped

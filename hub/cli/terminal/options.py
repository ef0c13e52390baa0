"""Options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from hub.settings import Settings

OWN_CERTIFICATES = ("kafka_certificate",)
"""Settings that name what the hub shows to others."""
AUTHORITIES = ("kafka_ca", "kafka_token_ca", "oidc_ca", "registry_ca")
"""Settings that name what vouches for others."""


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
        _watch_certificates(settings)
        return command(settings=settings, **arguments)

    return wrapped


def _watch_certificates(settings: Settings) -> None:
    """For whoever serves /metrics. Loaded only where there are some: most commands want to begin at once."""
    own, authorities = (
        {name: path for name in names if (path := getattr(settings, name)) is not None}
        for names in (OWN_CERTIFICATES, AUTHORITIES)
    )
    if own or authorities:
        from hub.certificates import watch_authorities, watch_own

        for name, path in own.items():
            watch_own(name, path)
        for name, path in authorities.items():
            watch_authorities(name, path)

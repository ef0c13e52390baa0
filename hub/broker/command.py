"""`cityhub broker`: the embedded Kafka in the foreground, until it is told to stop."""

import shlex
from pathlib import Path

import click
from rich.console import Console

from hub.broker.guarded.secure import ADMIN, Guard
from hub.broker.kafka import EmbeddedKafka
from hub.broker.progress import show_progress
from hub.broker.storage import KEYS
from hub.errors import FatalError
from hub.screen import Screen, say, say_json
from hub.settings import Security, Settings, variable
from hub.signals import interrupted_by_signals


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the broker keeps its data. Default: kafka in the state directory, CITYHUB_STATE_DIR.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port for clients, on loopback. Default: the one of the last start, or any that is free.",
)
@click.option("--heap-mb", type=click.IntRange(min=128), default=512, show_default=True, help="Heap of the JVM.")
@click.option(
    "--secure",
    is_flag=True,
    help="TLS, a password for whoever comes, and no rights but what `cityhub acl` grants 加密与授权.",
)
@click.option("--json", "as_json", is_flag=True, help="Print address, pid and paths as one line of JSON.")
def broker(data_dir: Path | None, port: int, heap_mb: int, secure: bool, as_json: bool) -> None:
    """Run Apache Kafka here, as one node on loopback.

    Prints its address when it is ready, and runs until Ctrl-C or SIGTERM. Data and port are kept in the data directory
    for the next start. Needs Java 17; the first start fetches Kafka with Maven.

    With --secure it makes certificates and the password of its first user, `admin`, in the data directory, and says what to set so
    that the hub's commands use them.
    """
    console = Screen(stderr=True)
    with interrupted_by_signals():
        try:
            with show_progress(console) as on_progress:
                folder = data_dir or Settings.from_env().state_dir / "kafka"
                guard = Guard(folder / KEYS) if secure else None
                kafka = EmbeddedKafka(folder, port, heap_mb=heap_mb, on_progress=on_progress, guard=guard)
                kafka.start()
        except KeyboardInterrupt:
            return
        try:
            _announce(kafka, guard, console, as_json)
            code = kafka.wait()
            raise FatalError(f"The broker ended by itself (exit {code}). It said:\n{kafka.log_tail()}")
        except KeyboardInterrupt:
            console.print("Stopping Kafka")
        finally:
            kafka.stop()


def _announce(kafka: EmbeddedKafka, guard: Guard | None, console: Console, as_json: bool) -> None:
    settings = settings_for(kafka, guard)
    if as_json:
        facts = {
            "bootstrap_servers": kafka.bootstrap_servers,
            "pid": kafka.pid,
            "data_dir": str(kafka.log_path.parent),
            "log": str(kafka.log_path),
        }
        say_json(facts | ({"settings": settings} if guard is not None else {}))
        return
    say(kafka.bootstrap_servers)
    if guard is not None:
        console.print("To use it as the one who may do all; `cityhub acl` makes what others need:", soft_wrap=True)
        for name, value in settings.items():
            console.print(f"export {name}={shlex.quote(value)}", soft_wrap=True, highlight=False)
    console.print(f"Kafka is ready; its data and log are in {kafka.log_path.parent}. Ctrl-C stops it.", soft_wrap=True)


def settings_for(kafka: EmbeddedKafka, guard: Guard | None) -> dict[str, str]:
    """The environment of who is to use it; a password by the file it stands in."""
    settings = {"bootstrap_servers": kafka.bootstrap_servers}
    if guard is not None:
        settings |= {
            "kafka_security": str(Security.SCRAM),
            "kafka_ca": str(guard.ca.absolute()),
            "kafka_user": ADMIN,
            "kafka_password_file": str(guard.password_file.absolute()),
        }
    return {variable(name): value for name, value in settings.items()}

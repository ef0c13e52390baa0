"""`cityhub worker`: runs the agents in this process until it is told to stop."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from typing import Any

import click

from hub.cli.terminal.options import with_settings
from hub.errors import HubError
from hub.escaping import escape_logs
from hub.logs import LogFormat, log_config, log_from
from hub.settings import Settings
from hub.topics import AGENT_CHANGELOGS

_YOUNG_OBJECTS = 100_000
_SWITCH_SECONDS = 0.0005
"""What decides and what publishes are two threads. Python's own 5 ms is what publishing would wait, each of the many times that it
goes to librdkafka and comes back, while a chunk is decided: a twentieth of the throughput."""
_ENDING_SECONDS = 9.0
_INTERRUPTED = 128 + signal.SIGINT
log = logging.getLogger(__name__)


@click.command()
@click.option(
    "--agent",
    "agents",
    multiple=True,
    type=click.Choice(tuple(AGENT_CHANGELOGS)),
    help="Run only this one; may be repeated.  [all three]",
)
@click.option(
    "--instance", help="Name of this worker; two workers of a hub must differ.  [CITYHUB_INSTANCE; the host's name]"
)
@click.option("--web-port", type=int, help="Port of /metrics, /healthz and /readyz.  [CITYHUB_WEB_PORT; 6066]")
@click.option(
    "--log-level", default="INFO", show_default=True, type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"])
)
@with_settings
def worker(
    settings: Settings, agents: tuple[str, ...], instance: str | None, web_port: int | None, log_level: str
) -> None:
    """Run the agents: one process runs all three, more processes share the partitions.

    Told to stop (Ctrl-C, SIGTERM) it commits what is decided, leaves the groups and ends with exit code 0; a second Ctrl-C
    ends it at once. Non-zero when an agent cannot go on.
    """
    import uvloop

    from hub.app import make_app, make_hub
    from hub.cli.process.files import watch_files
    from hub.stream.admin.topics import require_topics
    from hub.topics import all_topics

    log_from(log_level)
    uvloop.install()
    settings = settings.changed(instance=instance, web_port=web_port)
    hub = make_hub(settings)
    require_topics(settings, hub.city.kept(all_topics(hub.sources, hub.departments)))
    app = make_app(hub, agents or tuple(AGENT_CHANGELOGS))
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    watch_files(settings)
    run_app(app, log_level, settings.log_format)


def run_app(app: Any, log_level: str, log_format: LogFormat = LogFormat.TEXT) -> None:
    """Run a Faust app of inlets and agents as a process of its own, until it is told to stop. Does not return."""
    import faust

    escape_logs()
    tune_memory()
    sys.setswitchinterval(_SWITCH_SECONDS)

    class Worker(faust.Worker):
        async def stop(self) -> None:
            if self.crash_reason is None:
                log.info("told to stop: commits what is decided and leaves the groups; a second Ctrl-C ends at once")
            _insist_on_ending()
            self.loop.add_signal_handler(signal.SIGINT, _end, _INTERRUPTED, "told to stop a second time; ends at once")
            await super().stop()

    try:
        config = log_config(log_level, log_format, stays=True)
        Worker(
            app, loglevel=log_level, logging_config=config, quiet=True, redirect_stdouts=False
        ).execute_from_commandline()
    except SystemExit as ended:
        if ended.code:
            log.error("%s", _last_line(ended.__context__))  # noqa: TRY400 - the traceback stands above
        logging.shutdown()
        # not sys.exit: that waits for every thread, also one stuck in librdkafka (see hub/stream/writing/writer.py)
        os._exit(ended.code if isinstance(ended.code, int) else 1)


def _last_line(cause: BaseException | None) -> str:
    """What whoever reads the end of the log needs: the cause, and the way out."""
    if isinstance(cause, HubError):
        return f"the worker ends: {cause}"
    if cause is None:
        return "the worker ends, and nobody said why: read what stands above"
    if isinstance(cause, OSError):
        return f"the worker ends: the machine refused it ({cause.strerror or type(cause).__name__}); where stands above"
    what = type(cause).__name__
    return f"the worker ends by a mistake in the hub ({what}): keep this log and report it; where it was stands above"


def tune_memory() -> None:
    """A chunk makes tens of thousands of objects, and hardly any in cycles. Its columns are gone with it, and the next one needs as
    much room: Arrow's own allocator gives the pages back in between, and has them cleared anew for each."""
    import pyarrow as pa

    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)
    pa.set_memory_pool(pa.system_memory_pool())


def _insist_on_ending() -> None:
    """End even if a client does not let go of a broker that is gone: what is not committed by then is done again."""
    timer = threading.Timer(_ENDING_SECONDS, _end, (1, f"not ended {_ENDING_SECONDS:.0f} s after being told to"))
    timer.daemon = True
    timer.start()


def _end(code: int, why: str) -> None:
    log.error("%s; nothing committed is lost", why)
    logging.shutdown()
    os._exit(code)

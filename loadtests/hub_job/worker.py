"""Runs the job's agent in a real worker: the hub's own app, settings and web pages. Started by the runner."""

from __future__ import annotations

import uvloop

import hub.agents.modules
import hub.app
from hub.cli.services.worker import run_app
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.topics import CONTROL, SOURCES, WORKERS
from loadtests.hub_job import agent


def main() -> None:
    uvloop.install()
    settings = Settings.from_env()
    hub.agents.modules.AGENTS[agent.NAME] = agent
    here = hub.app.make_hub(settings)
    ensure_topics(settings, [CONTROL, SOURCES, WORKERS, agent.CHANGELOG])
    app = hub.app.make_app(here, (agent.NAME,))
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    run_app(app, "INFO")


if __name__ == "__main__":
    main()

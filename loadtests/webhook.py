"""How long a system that calls waits for its 202: signed calls of one event each, by callers in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from hub.sdk.intake import MappingSet
from hub.sdk.manifest import find_manifest
from hub.sdk.publishing.publisher import KafkaPublisher
from hub.sdk.running.positions import PositionFile
from hub.sdk.running.runner import Run, RunnerOptions, context_of
from hub.sdk.running.status import Board
from hub.sdk.sources.webhook.config import WebhookConfig
from hub.sdk.sources.webhook.source import WebhookSource
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.topics import DEAD, city_events
from loadtests.scenario import WebhookCalls
from loadtests.stage import Stage

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_LIMIT_SECONDS = 600.0


def webhook(here: Stage, scenario: WebhookCalls) -> dict[str, Any]:
    """Milliseconds from a call's first byte to its answer, by how many call at once."""
    rows = []
    for callers in scenario.callers:
        rows.append(_run(here, callers, scenario.calls // callers))
        here.say(f"{callers} callers: p50 {rows[-1]['p50 ms']:.1f} ms, p99 {rows[-1]['p99 ms']:.1f} ms")
    note = (
        "One edge of kind webhook by the police demo's mapping; calls of one event, signed (Standard Webhooks), over loopback on "
        "connections that stay. Each is answered when Kafka has acknowledged its event."
    )
    return {"rows": rows, "note": note}


def _run(here: Stage, callers: int, calls: int) -> dict[str, float]:
    namespace = f"load-{uuid.uuid4().hex[:8]}-"
    settings = Settings(
        bootstrap_servers=here.cluster.bootstrap, namespace=namespace, state_dir=here.folder / namespace
    )
    ensure_topics(settings, [city_events("police"), DEAD])
    os.environ["CITYHUB_LOAD_SECRET"] = SECRET
    auth = {"kind": "standard", "secret": "env:CITYHUB_LOAD_SECRET"}
    config = WebhookConfig.model_validate({"port": 0, "path": "/events", "auth": auth, "answer_seconds": 60})
    intake, options = MappingSet(find_manifest("police")), RunnerOptions(stop=threading.Event())
    source = WebhookSource(config, context_of("police", intake, options))
    position, publisher = PositionFile(settings.state_dir / "p.json"), KafkaPublisher(settings, "police")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(Run(source, intake, position, options, publisher, Board("load", "police", None)).run)
        try:
            while not source.port and not running.done():
                options.stop.wait(0.05)
            command = [sys.executable, "-m", "loadtests.posting", str(source.port), str(callers), str(calls)]
            said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LIMIT_SECONDS).stdout
        finally:
            options.stop.set()
        published = running.result().published
    found = json.loads(said)
    assert published == callers * calls, (published, found["statuses"])
    took = np.array(found["took"]) * 1000
    p50, p99 = np.percentile(took, [50, 99])
    return {
        "callers": callers,
        "calls": len(took),
        "calls/s": len(took) / found["seconds"],
        "p50 ms": p50,
        "p99 ms": p99,
    }

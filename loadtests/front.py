"""The web under load beside the hub: what posts and streams take, and whether the agents feel them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hub.broker.storage import free_port
from hub.cli.process.children import Child
from hub.errors import FatalError
from hub.scrape import fetch
from hub.settings import ROOT, Settings
from hub.web.run import tokens_file
from hub.web.tokens import Scope, TokenKind, Tokens
from loadtests.scenario import FrontLoad, Sustained
from loadtests.stage import Stage
from loadtests.sustained import sustained

_READY_SECONDS = 90.0
_LIMIT_SECONDS = 120.0


def front(here: Stage, scenario: FrontLoad) -> dict[str, Any]:
    """The hub alone, and with the web and its callers. Raises FatalError as `sustained` does."""
    feed = Sustained(
        kind="sustained", name=scenario.name, title=scenario.title, seed=scenario.seed, rate=scenario.rate,
        seconds=scenario.seconds, warmup_seconds=scenario.warmup_seconds, settings=scenario.settings,
    )  # fmt: skip
    figures: dict[str, Any] = {}

    @contextmanager
    def callers(settings: Settings, departments: tuple[str, ...]) -> Iterator[None]:
        with _web(settings) as address, _calling(scenario, settings, address, departments, figures):
            yield

    rows: list[dict[str, Any]] = []
    for label, beside in (("hub alone", None), ("with the web and its callers", callers)):
        namespace = f"{scenario.name}-{len(rows)}."
        measured = sustained(here, feed, namespace, beside)["rows"][0]
        rows.append({"run": label} | {name: measured[name] for name in _AGENTS})
    strange = {status: calls for status, calls in figures["statuses"].items() if status != "202"}
    rows += [{"run": what, "rate reached": ""} | _figures(figures[what]) for what in ("posts", "streams")]
    note = (
        f"{scenario.rate:g} events a second for {scenario.seconds:g} s, first without the web, then with {scenario.streams} "
        f"open streams of orders and {scenario.posts:g} posts of updates a second. Runs of the hub: from an event's sending "
        f"to its order. Posts: until the answer, {len(figures['posts']):,} of them, answered otherwise than by 202: "
        f"{strange or 'none'}. Streams: from the order's `issued_at` to its line at the client. The first "
        f"{scenario.warmup_seconds:g} s are left out."
    )
    return {"rows": rows, "note": note}


_AGENTS = ("rate reached", "p50 ms", "p90 ms", "p99 ms", "max ms")


def _figures(took: list[float]) -> dict[str, float]:
    if not took:
        raise FatalError("nothing was posted, or nothing came; run it for longer")
    shares = {f"p{share} ms": float(np.percentile(took, share)) for share in (50, 90, 99)}
    return {**shares, "max ms": max(took)}


@contextmanager
def _web(settings: Settings) -> Iterator[str]:
    port = free_port()
    web = Child("web", ["web", "--port", str(port)], settings, settings.state_dir / "web.log")
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + _READY_SECONDS
    try:
        while fetch(f"{address}/readyz") is None:
            web.must_run()
            if time.monotonic() > until:
                raise FatalError(f"the web is not ready after {_READY_SECONDS:.0f} s. {web.last_words()}")
            time.sleep(0.2)
        yield address
    finally:
        web.stop()


@contextmanager
def _calling(
    scenario: FrontLoad, settings: Settings, address: str, departments: tuple[str, ...], figures: dict[str, Any]
) -> Iterator[None]:
    """`figures` is filled with what the callers say at the end of the block."""
    tokens = Tokens(tokens_file(settings))
    chosen = departments[: scenario.streams]
    told = {
        "address": address, "tokens": {each: tokens.new(TokenKind.DEPARTMENT, each, tuple(Scope)) for each in chosen},
        "streams": scenario.streams, "rate": scenario.posts, "since": time.time() + scenario.warmup_seconds,
    }  # fmt: skip
    argv = [sys.executable, "-m", "loadtests.calling"]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(told) + "\n")
            process.stdin.flush()
            yield
            out, _ = process.communicate(timeout=_LIMIT_SECONDS)
        finally:
            process.kill()
    if not out:
        raise FatalError("the callers ended badly; see what they wrote above")
    figures.update(json.loads(out))

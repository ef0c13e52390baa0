"""A worker that is told to stop: in order where there is a broker, and soon where there is none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.broker.kafka import EmbeddedKafka
from hub.broker.storage import free_port
from hub.cli.process.children import environment_of
from hub.scrape import scrape
from hub.settings import ROOT, Settings
from tests.system.disturbed import AGENTS, prepare

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]
PATIENCE_SECONDS = 240.0


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker of its own: these tests stop it in its tracks."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka"), start_timeout_seconds=PATIENCE_SECONDS) as broker:
        yield broker


@contextmanager
def working(kafka: EmbeddedKafka, namespace: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker at work. Killed at the end if it is still there."""
    settings = Settings(
        bootstrap_servers=kafka.bootstrap_servers, namespace=namespace, city=ROOT / "ops" / "cities" / "demo",
        partitions=2, state_dir=folder / "state", web_port=free_port(),
    )  # fmt: skip
    prepare(settings)
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "hub.cli.main", "worker"], env=environment_of(settings), stdout=log, stderr=log
        )
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while not _ready(settings.web_port):
            assert worker.poll() is None, said(folder)
            assert time.monotonic() < until, said(folder)
            time.sleep(0.2)
        yield worker
    finally:
        worker.kill()
        worker.wait()


def _ready(port: int) -> bool:
    metrics = scrape(f"http://127.0.0.1:{port}/metrics")
    return metrics is not None and all(metrics.total("hub_ready", agent=agent) == 1 for agent in AGENTS)


def said(folder: Path) -> str:
    return (folder / "worker.log").read_text("utf-8", "replace")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_told_once_it_ends_in_order(how: signal.Signals, kafka: EmbeddedKafka, namespace: str, tmp_path: Path) -> None:
    with working(kafka, namespace, tmp_path) as worker:
        worker.send_signal(how)
        assert worker.wait(PATIENCE_SECONDS) == 0, said(tmp_path)
    assert "after being told to" not in said(tmp_path)


@contextmanager
def stopped(kafka: EmbeddedKafka) -> Iterator[None]:
    assert kafka.pid is not None
    os.kill(kafka.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(kafka.pid, signal.SIGCONT)


def test_a_second_ctrl_c_ends_it_at_once(kafka: EmbeddedKafka, namespace: str, tmp_path: Path) -> None:
    with working(kafka, namespace, tmp_path) as worker, stopped(kafka):
        worker.send_signal(signal.SIGINT)
        until = time.monotonic() + PATIENCE_SECONDS
        while "told to stop:" not in said(tmp_path):
            assert time.monotonic() < until, said(tmp_path)
            time.sleep(0.05)
        worker.send_signal(signal.SIGINT)
        assert worker.wait(PATIENCE_SECONDS) == 128 + signal.SIGINT, said(tmp_path)


def test_it_ends_soon_though_its_broker_answers_no_more(kafka: EmbeddedKafka, namespace: str, tmp_path: Path) -> None:
    with working(kafka, namespace, tmp_path) as worker, stopped(kafka):
        worker.terminate()
        assert worker.wait(PATIENCE_SECONDS) in (0, 1), said(tmp_path)

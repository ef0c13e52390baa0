"""A board that is served, over a ledger of some hours of a city."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.serving import PortLimits, Server
from hub.web.app import web_app
from hub.web.board.app import WallBoard
from tests.unit.web.board.city_days import ServedBoard, city_ledger, city_settings
from tests.unit.web.front import memory_web
from tests.unit.web.letters import MemoryLetters


@contextmanager
def _served(folder: Path) -> Iterator[ServedBoard]:
    ledger = city_ledger(folder)
    with memory_web(folder) as web:
        board = WallBoard(city_settings(folder), web.front, MemoryLetters(web.hub))
        app = web_app(web.front, web.offers, b"a secret of this test's", board=board.routes())
        limits = PortLimits(100, 20.0, renewed=True, busy_seconds=600)
        with board, Server(app, "127.0.0.1", 0, limits, "web") as server:
            yield ServedBoard(f"http://127.0.0.1:{server.port}/board", ledger, web, app)
            board.end_streams()
    ledger.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBoard]:
    with _served(tmp_path_factory.mktemp("board")) as board:
        yield board


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[ServedBoard]:
    """One whose ledger has what its own hub decides."""
    with _served(tmp_path) as board:
        yield board

"""A board that is served, over a ledger of some hours of a city."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import pytest

from hub.policy import City, load_city
from hub.serving import PortLimits, Server
from hub.settings import Settings
from hub.web.app import web_app
from hub.web.board.app import WallBoard
from tests.unit.web.board.city_days import CITY, ServedBoard, city_ledger
from tests.unit.web.front import memory_web
from tests.unit.web.letters import MemoryLetters


@contextmanager
def _served(folder: Path, city: City = CITY) -> Iterator[ServedBoard]:
    ledger = city_ledger(folder)
    with memory_web(folder, city=city) as web:
        settings = Settings(state_dir=folder, clock="data", web_port=9, city=city.folder)
        board = WallBoard(settings, web.front, MemoryLetters(web.hub))
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


@pytest.fixture
def with_units(tmp_path: Path) -> Iterator[ServedBoard]:
    """One of a city whose roads department has units below it; their names, and another department's, are long."""
    folder = copytree(CITY.folder, tmp_path / "city")
    for name, before, after in _LONG_NAMES:
        path = folder / name
        text = path.read_text("utf-8")
        assert before in text, f"{name} has changed"
        path.write_text(text.replace(before, after), "utf-8")
    with _served(tmp_path, load_city(folder)) as board:
        yield board


_UNITS = """\
units:
  - {id: road_north, parent: roads, kind: brigade, areas: [LT01],
     name: {en: Northern maintenance brigade of the municipal roads, zh: 市政道路北片区养护管理大队}}
  - {id: road_patrol, parent: road_north, kind: team, name: {en: Night patrol, zh: 夜间巡查队}}
ladder:"""
_LONG_NAMES = (
    ("organisation.yaml", "ladder:", _UNITS),
    ("routes.yaml", "department: roads,", "department: roads, unit_of_area: true,"),
    (
        "departments.yaml",
        "{en: Housing and construction, zh: 住建}",
        "{en: Bureau of Housing and Urban-Rural Construction, zh: 住房和城乡建设局（城市更新办公室）}",
    ),
)

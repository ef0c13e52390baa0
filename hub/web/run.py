"""One process of the web: what reads Kafka, what writes to it, and the port, from start to stop."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from hub.errors import FatalError
from hub.ledger.reading import FactReader
from hub.policy import City
from hub.serving import PortLimits, Server
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import OWN_SOURCE, of_source
from hub.web.access.file import AccessFile, access_path
from hub.web.access.guard import Access
from hub.web.access.oidc.provider import Provider
from hub.web.app import web_app
from hub.web.board.app import WallBoard
from hub.web.folder import ModelFolder
from hub.web.front import Front
from hub.web.gateway.reading import STREAM_SECONDS
from hub.web.intake import KafkaIntake
from hub.web.live_city import LiveCity
from hub.web.news import News
from hub.web.open311.config import Open311File
from hub.web.read.feed import TopicFeed
from hub.web.read.sqlite import SqliteModel
from hub.web.tokens import Tokens

_CONNECTIONS = 1024
_SECRET_BYTES = 32
_REQUEST_SECONDS = 20.0
"""A call may take so long to come whole."""


def tokens_file(settings: Settings) -> Path:
    """Where the digests of tokens lie."""
    return settings.state_dir / "web" / "tokens.json"


def secret_of(settings: Settings) -> bytes:
    """What ids and codes are made with: drawn once, and kept for the owner alone. Without it they would be others."""
    path = settings.state_dir / "web" / "secret"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(secrets.token_bytes(_SECRET_BYTES))
    secret = path.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise FatalError(f"{path} is not whole; put back a copy, or remove it and have another drawn")
    return secret


class Web:
    """Serves from `__enter__` to `__exit__`. Raises FatalError if the port cannot be had."""

    def __init__(
        self, settings: Settings, city: City, codec: Codec, sources: Sequence[str], offers: Open311File, host: str, port: int,
        proxy: str | None = None, prefix: str = "",
    ) -> None:  # fmt: skip
        ensure_topics(settings, city.kept(of_source(OWN_SOURCE)))  # workers take it up by themselves
        self._folder = ModelFolder(settings.state_dir / "web" / "models")
        self._model, self._news = SqliteModel(self._folder.path / "model.sqlite"), News()
        self._intake = KafkaIntake(settings)
        live = LiveCity(city, sources, settings.city)
        facts = FactReader(make_registry(settings), codec)
        self.feed = TopicFeed(settings, codec, facts, self._model, self._news, live.topics)
        self._access = Access(AccessFile(access_path(settings)))
        front = Front(live, codec, self._model, self._news, self._intake, Tokens(tokens_file(settings)), self._access)
        limits = PortLimits(_CONNECTIONS, _REQUEST_SECONDS, renewed=True, busy_seconds=STREAM_SECONDS + 60)
        self._host, self._board = host, WallBoard(settings, front)
        provider = Provider.from_settings(settings)
        traced = settings.traces is not None
        app = web_app(front, offers, secret_of(settings), provider, self._board.routes(), traced=traced)
        self._server = Server(app, host, port, limits, "web", proxy, prefix)

    @property
    def address(self) -> str:
        """Where it is, once it serves."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._server.port}"

    def __enter__(self) -> Self:
        self._intake.start()
        self.feed.start()
        self._board.start()
        try:
            self._server.start()
        except OSError as error:
            self._end()
            raise FatalError(
                f"{self._host}:{self._server.port} cannot be listened at ({error.strerror}); choose another port, or 0 for any"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._news.close()  # open streams end by themselves, before the server would wait for them
        self._board.end_streams()
        self._server.stop()
        self._end()

    def _end(self) -> None:
        self._news.close()
        self._board.stop()
        self._intake.stop()
        self.feed.stop()
        self._model.close()
        self._access.close()
        self._folder.remove()

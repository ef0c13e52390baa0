"""Who is paused is believed of those who have the hub's secret, where there is one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from hub.settings import Settings
from hub.signing import signature
from hub.stream.pauses.source_log import SourceLog
from hub.stream.pauses.standings import Standing
from hub.topics import SOURCES

SECRET = "a secret of some length"
HOTLINE, POLICE = "city.hotline.events", "city.police.events"
PAUSE = Standing(paused=True, at_ms=5, by="w", why="bad").encode()


def paused(secret: str | None, *words: tuple[str, bytes | None, Any]) -> list[str]:
    """Who is, by what a reader with this secret makes of these words: topic, value and headers."""
    log = SourceLog(Settings(namespace="n.", control_key=SecretStr(secret) if secret else None), "test")
    log.close()
    messages = [
        SimpleNamespace(
            error=lambda: None, offset=lambda at=at: at, key=lambda topic=topic: topic.encode(), value=lambda value=value: value,
            headers=lambda headers=headers: headers,
        )
        for at, (topic, value, headers) in enumerate(words)
    ]  # fmt: skip
    log._consumer = SimpleNamespace(consume=lambda *_: messages, get_watermark_offsets=lambda *_, **__: (0, 0))  # type: ignore[assignment]
    log.read()
    return sorted(log.standings.paused)


def by(secret: str | None, topic: str, value: bytes | None = PAUSE, where: str = "n." + SOURCES.name) -> Any:
    return topic, value, signature(value, secret, where, topic)


def test_without_a_secret_everybody_is_believed() -> None:
    assert paused(None, by(None, HOTLINE), by("other", POLICE)) == [HOTLINE, POLICE]


@pytest.mark.parametrize(
    "headers", [None, [], [("mac", None)], [("mac", b"x" * 32)], signature(PAUSE, "other", "n.hub.sources", POLICE)]
)
def test_with_one_only_who_has_it(headers: Any) -> None:
    assert paused(SECRET, by(SECRET, HOTLINE), (POLICE, PAUSE, headers)) == [HOTLINE]
    resumed = Standing(paused=False, at_ms=9, by="x", skip=True, through={0: 1 << 40}).encode()
    for taken_back in (resumed, None):
        assert paused(SECRET, by(SECRET, HOTLINE), (HOTLINE, taken_back, headers)) == [HOTLINE]
        assert paused(SECRET, by(SECRET, HOTLINE), by(SECRET, HOTLINE, taken_back)) == []


def test_a_word_that_was_signed_once_says_nothing_of_another_source_or_hub() -> None:
    _, value, headers = by(SECRET, HOTLINE)
    assert paused(SECRET, (POLICE, value, headers), by(SECRET, POLICE, where=SOURCES.name)) == []

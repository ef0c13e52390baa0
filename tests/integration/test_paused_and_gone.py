"""A source that is paused and whose topic is gone hides nobody from `cityhub source`, and can be let go on; on a real Kafka."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli.main import cli
from hub.cli.process.children import environment_of
from hub.cli.terminal.sending import Sender
from hub.errors import FatalError
from hub.settings import Settings
from hub.stream.admin.topics import ensure_topics
from hub.stream.pauses.source_log import SourceLog
from hub.stream.pauses.standings import Standing
from hub.topics import SOURCES, city_events
from tests.integration.kafka_accidents import delete_before, make_anew
from tests.waiting import wait_for

pytestmark = pytest.mark.kafka
POLICE, GONE = city_events("police").name, city_events("gone").name


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Settings:
    settings = Settings(bootstrap_servers=kafka_bootstrap, namespace=namespace, partitions=1, state_dir=tmp_path)
    ensure_topics(settings, [city_events("police"), SOURCES])
    with Sender(settings) as sender:
        for topic in (GONE, POLICE):
            said = Standing(paused=True, at_ms=1, by="a test", why="rubbish")
            sender.send(SOURCES.name, topic.encode(), said.encode(), partition=0)
        sender.send(POLICE, b"P1", b"waits", partition=0)
    return settings


def command(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["source", *arguments], env=environment_of(settings), catch_exceptions=False)


def test_a_pause_does_not_outlive_the_topic_that_says_it(settings: Settings) -> None:
    """Else a worker that runs leaves unread what `cityhub source list` does not show, and `resume` cannot let go on."""
    read = SourceLog(settings, "test")
    try:
        read.catch_up(lambda: None)
        assert read.standings.paused.keys() == {GONE, POLICE}
        make_anew(settings, SOURCES)
        wait_for(lambda: read.read(0.2) and not read.standings.paused, "they stay paused")
        with Sender(settings) as sender:
            said = Standing(paused=True, at_ms=2, by="a test", why="again")
            sender.send(SOURCES.name, POLICE.encode(), said.encode(), partition=0)
        wait_for(lambda: read.read(0.2) and read.standings.paused.keys() == {POLICE}, "nothing more is heard")
        assert read.standings.partitions == settings.partitions
    finally:
        read.close()


def test_a_pause_does_not_outlive_the_record_that_says_it(settings: Settings) -> None:
    """Records are deleted by hand, or by retention where somebody has set that: the topic stays, and reading goes on."""
    read, later = SourceLog(settings, "test"), Standing(paused=True, at_ms=2, by="a test", why="rubbish")
    try:
        read.catch_up(lambda: None)
        with Sender(settings) as sender:
            sender.send(SOURCES.name, GONE.encode(), later.encode(), partition=0)
        wait_for(lambda: read.read(0.2) and read.standings.paused[GONE] == later, "nothing more is heard")
        delete_before(settings, SOURCES, 0, 3)
        wait_for(lambda: read.read(0.2) and read.standings.paused.keys() == {GONE}, "it stays paused")
        assert {row["topic"] for row in json.loads(command(settings, "list", "--json").stdout)} == {GONE}
        delete_before(settings, SOURCES, 0, -1)
        wait_for(lambda: read.read(0.2) and not read.standings.paused, "it stays paused, too")
        with Sender(settings) as sender:
            sender.send(SOURCES.name, GONE.encode(), later.encode(), partition=0)
        wait_for(lambda: read.read(0.2) and read.standings.paused.keys() == {GONE}, "nothing more is heard")
        read.read(0.2)
        assert read.standings.paused.keys() == {GONE}
    finally:
        read.close()


def test_the_others_are_listed_and_it_can_be_let_go_on(settings: Settings) -> None:
    said = command(settings, "list", "--json")
    assert said.exit_code == 0, said.output
    assert {row["topic"]: row["waiting"] for row in json.loads(said.stdout)} == {GONE: None, POLICE: 1}
    assert "no such topic 主题不存在" in command(settings, "list").output
    resumed = command(settings, "resume", "gone")
    assert resumed.exit_code == 0, resumed.output
    assert "its topic is not there" in resumed.output
    with pytest.raises(FatalError, match="no source or department 'gone' is paused"):  # said twice
        command(settings, "resume", "gone")
    assert [row["topic"] for row in json.loads(command(settings, "list", "--json").stdout)] == [POLICE]

"""`cityhub source`: who is paused for too many rejects, and how they go on."""

from __future__ import annotations

import click
from rich.table import Table
from rich.text import Text

from hub.cli.terminal.options import with_settings
from hub.cli.terminal.sending import Sender
from hub.clock import iso, wall_ms
from hub.inspect.sources import ends_of, let_go_on, log_of, topic_named, topics_there, waiting
from hub.screen import Screen, say, say_json
from hub.settings import Settings
from hub.signing import signature
from hub.stream.pauses.source_log import as_they_stand
from hub.topics import SOURCES
from hub.web.access.chain import AuditedAct
from hub.web.access.trail import note_command

_NO_TOPIC = "no such topic 主题不存在"
_WIDTH = 150
"""Where there is no terminal to ask."""


@click.group()
def source() -> None:
    """Sources 来源: departments' systems and departments, each paused by itself if too many of its records are bad."""


@source.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON array.")
@with_settings
def list_command(settings: Settings, as_json: bool) -> None:
    """The sources that are paused 暂停, why, and how many of their records wait."""
    paused = as_they_stand(settings, "by-hand").paused
    there = topics_there(settings) if paused else {}
    rows = [
        {
            "topic": topic,
            "since": iso(each.at_ms),
            "why": each.why,
            "by": each.by,
            "waiting": sum(waiting(settings, topic).values()) if topic in there else None,
        }
        for topic, each in sorted(paused.items())
    ]
    if as_json:
        say_json(rows, indent=2)
        return
    if not rows:
        say("no source is paused 没有暂停的来源")
        return
    table = Table("topic 主题", "since 自", "waiting 待读", "why 原因", show_edge=False)
    for row in rows:
        shown = row | {"waiting": _NO_TOPIC if row["waiting"] is None else row["waiting"]}
        table.add_row(*(Text(str(shown[name])) for name in ("topic", "since", "waiting", "why")))
    console = Screen()
    (console if console.is_terminal else Screen(width=_WIDTH)).print(table)
    say("Mend the sender, then `cityhub source resume NAME`; until then its records wait, and everybody else goes on.")


@source.command("resume")
@click.argument("name")
@click.option(
    "--skip", is_flag=True, help="Leave out what lies there now 跳过: it is not read, and accounted for as a gap."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; implies --yes.")
@with_settings
def resume(settings: Settings, name: str, skip: bool, yes: bool, as_json: bool) -> None:
    """Let a paused source go on 恢复. NAME is a source, a department, or the topic.

    What lies in its topic now is read: what is bad of it becomes dead letters, however many. With --skip it is left out, one
    letter in hub.dead for each partition. What comes after that is counted anew. Workers hear it within a second, and those
    that start later as well.
    """
    topic = topic_named(name, as_they_stand(settings, "by-hand").paused.keys())
    there = topic in topics_there(settings)
    through, log = (ends_of(settings, topic), log_of(settings, topic)) if there else ({}, "")
    left = sum(waiting(settings, topic).values()) if there else 0
    if skip and not (yes or as_json):
        say(
            f"{left:,} records of {topic} will not be read, good ones among them; they stay in the topic as long as it keeps them."
        )
        click.confirm("Leave them out?", abort=True)
    said = let_go_on(through, wall_ms(), "cityhub source resume", log=log, skip=skip)
    note_command(settings, AuditedAct("source.resume", topic, {"waiting": left}, {"skip": skip}))
    with Sender(settings) as sender:
        signed = signature(said.encode(), settings.control_secret, settings.topic(SOURCES.name), topic)
        sender.send(SOURCES.name, topic.encode(), said.encode(), signed, partition=0)
    if as_json:
        say_json({"topic": topic, "waiting": left, "skipped": skip})
    elif not there:
        say(
            f"{topic} is paused no more 不再暂停; its topic is not there: nothing waits, and it is read once there is one"
        )
    elif skip:
        say(
            f"{topic} goes on 恢复 without the {left:,} records that waited; `cityhub dead list --reason skipped` names them"
        )
    else:
        say(f"{topic} goes on 恢复: {left:,} records that waited are read; what is bad of them becomes dead letters")

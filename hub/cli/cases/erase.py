"""`cityhub erase`: what a report says is taken out of all that the hub keeps for itself, and until when the logs still hold it."""

from __future__ import annotations

import getpass
import socket
from typing import Any

import click

from hub.cli.terminal.options import with_settings
from hub.screen import Screen, say, say_json
from hub.settings import Settings

_WHERE_ELSE = (
    "Not in the hub's hands 不由本系统掌握: the source's own system, what departments and sinks have taken over already (who works "
    "on an open case is told), and copies of Kafka's disks."
)


@click.command()
@click.argument("who", metavar="SOURCE:REF", required=False)
@click.option(
    "--reason", metavar="TEXT", help="Why, such as the number of the request; it is kept, so no personal data."
)
@click.option("--by", metavar="NAME", help="Who asks for it.  [user@host]")
@click.option("--unknown", is_flag=True, help="Erase it though no case has it: it may have been set aside.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased, and until when the logs hold it.")
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON document.")
@with_settings
def erase(
    settings: Settings, who: str | None, reason: str | None, by: str | None, unknown: bool, dry_run: bool, as_json: bool
) -> None:  # fmt: skip
    """Erase what a report says 删除来报内容: title, text, address, files, attributes.

    The agents' state, the web's pages and `explain` have it no longer; who works on the case is told. Case, clocks and
    accounts go on. It is said until when each topic still holds it. Without SOURCE:REF: what was erased, when, by whom and why.
    """
    from hub.errors import FatalError

    if who is None:
        _list(settings, as_json)
        return
    source, colon, ref = who.partition(":")
    if not (colon and source and ref):
        raise click.UsageError("name a report as SOURCE:REF, as in hotline:H-17")
    if not dry_run and not reason:
        raise click.UsageError("say why with --reason: it is kept with who asked and when")
    asked = {"by": by or f"{getpass.getuser()}@{socket.gethostname()}", "reason": reason or "", "dry_run": dry_run}
    try:
        document = _document(settings, source, ref, unknown) | asked
        if not dry_run:
            _note(settings, document)
            _send(settings, document)
    except ValueError as error:  # what can be no source, reference or reason
        raise FatalError(f"this report cannot be erased: {error}") from None
    if as_json:
        say_json(document, indent=2)
    else:
        _show(settings, document)


def _document(settings: Settings, source: str, ref: str, unknown: bool) -> dict[str, Any]:
    from hub.clock import wall_ms
    from hub.errors import FatalError
    from hub.inspect.story import tell
    from hub.policy import load_city
    from hub.sdk.manifest import discover
    from hub.stream.admin.topic_settings import longest_kept_ms
    from hub.stream.kafka.known import sources_there
    from hub.topics import CASES, DEAD, EVENTS, ROUTE_CHANGELOG, TRACK_CHANGELOG, UPDATES, city_events, city_replies

    city, at_ms = load_city(settings.city), wall_ms()
    topics = [city_events(source).name, EVENTS.name, ROUTE_CHANGELOG.name, city_replies(source).name, DEAD.name]
    case = None
    try:
        story = tell(settings, f"{source}:{ref}", sources_there(settings, discover()), list(city.departments))
    except FatalError as error:
        if not unknown:
            raise FatalError(f"{error}; --unknown erases it all the same") from None
    else:
        case, report = story.case_id, (source, ref)
        told = [
            each
            for each in story.orders
            if each["event"] and (each["event"]["source"], each["event"]["source_ref"]) == report
        ]
        topics += [*sorted({each["kafka"]["topic"] for each in told}), UPDATES.name]
    kept_ms = longest_kept_ms(settings, [*topics, CASES.name, TRACK_CHANGELOG.name])
    ended = settings.closed_case_days
    return {
        "source": source,
        "source_ref": ref,
        "case_id": case,
        "at": at_ms,
        "logs": [
            {"topic": topic, "until": None if kept_ms[topic] is None else at_ms + (kept_ms[topic] or 0)}
            for topic in topics
            if topic in kept_ms
        ],
        "stays": [
            _stay("point", ROUTE_CHANGELOG.name, "the case and its clocks end", ended, kept_ms),
            _stay("point", CASES.name, "it was written", 0, kept_ms),
            _stay("departments' notes", TRACK_CHANGELOG.name, "the case and its clocks end", ended, kept_ms),
        ]
        if case
        else [],
    }


def _stay(what: str, topic: str, after: str, days: float, kept_ms: dict[str, int | None]) -> dict[str, Any]:
    """What goes on with the case: how many days after which event it is gone; None: never."""
    from hub.millis import DAY_MS

    bound = kept_ms.get(topic)
    return {"what": what, "topic": topic, "after": after, "days": None if bound is None else days + bound / DAY_MS}


def _note(settings: Settings, document: dict[str, Any]) -> None:
    """In the trail, which is kept: not why, as that may tell of the person, and the record of the erasure has it."""
    from hub.web.access.chain import AuditedAct
    from hub.web.access.trail import note_command

    report = f"{document['source']}:{document['source_ref']}"
    note_command(settings, AuditedAct("report.erase", report, {"case_id": document["case_id"]}, {"by": document["by"]}))


def _send(settings: Settings, document: dict[str, Any]) -> None:
    """Raises ValueError if it is no report that can be, FatalError if Kafka does not take it."""
    from pydantic import ValidationError

    from hub.cli.terminal.sending import Sender
    from hub.inspect.erasures import key_of
    from hub.model.event import rejection
    from hub.model.outputs import Erasure
    from hub.stream.avro.codec import Codec
    from hub.stream.avro.registry import make_registry
    from hub.topics import ERASURES

    try:
        record = Erasure.model_validate({name: document[name] for name in Erasure.model_fields})
    except ValidationError as error:
        raise ValueError(rejection(error).detail) from None
    value = Codec(make_registry(settings)).encode_one(Erasure.subject(), record.to_avro())
    key = key_of((record.source, record.source_ref)).encode()
    with Sender(settings) as sender:
        for number in range(settings.partitions):
            sender.send(ERASURES.name, key, value, partition=number)


def _show(settings: Settings, document: dict[str, Any]) -> None:
    from rich.table import Table

    from hub.cli.terminal.words import Words
    from hub.policy import load_city

    words = Words(load_city(settings.city))
    what = "would be erased 将删除" if document["dry_run"] else "erased 已删除"
    say(f"{document['source']}:{document['source_ref']} {what}: case 案件 {document['case_id'] or 'none 无'}")
    table = Table("the log 日志", "holds it until at the latest 最迟保留至")
    for log in document["logs"]:
        table.add_row(log["topic"], "for good 长期" if log["until"] is None else words.local(log["until"]))
    Screen().print(table)
    for each in document["stays"]:
        gone = "for good 长期" if each["days"] is None else f"until {each['days']:g} days after {each['after']}"
        say(f"stays with the case 随案件保留: {each['what']} in {each['topic']}, {gone}")
    say(_WHERE_ELSE)


def _list(settings: Settings, as_json: bool) -> None:
    from hub.inspect.erasures import all_erasures

    found = all_erasures(settings)
    if as_json:
        say_json(
            [{name: each[name] for name in ("source", "source_ref", "at", "by", "reason")} for each in found], indent=2
        )
        return
    from hub.cli.terminal.words import Words
    from hub.policy import load_city

    words = Words(load_city(settings.city))
    for each in found:
        say(f"{words.local(each['at'])} {each['source']}:{each['source_ref']} by 申请人 {each['by']}: {each['reason']}")
    if not found:
        say("nothing was erased 无")

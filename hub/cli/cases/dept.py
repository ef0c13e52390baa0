"""`cityhub dept`: what a department does, by hand: see its orders, say how far it is."""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from datetime import date, datetime
from typing import Any

import click
from rich.table import Table

from hub.cli.cases.cases import list_open
from hub.cli.cases.hearing import ReceiptOf, records_to
from hub.cli.terminal.options import with_settings
from hub.cli.terminal.sending import Sender
from hub.cli.terminal.words import ORDER_NAMES, OUTCOME_NAMES, Words
from hub.clock import wall_ms
from hub.errors import FatalError
from hub.escaping import shown
from hub.millis import midnight_ms, ms_of
from hub.model.outputs import Order
from hub.model.update import Update, UpdateStatus, UpdateStep, status_and_step
from hub.policy import City, load_city
from hub.screen import Screen, say, say_json, say_lines
from hub.settings import Settings
from hub.signals import ended_by_signals
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import make_registry
from hub.topics import dept_orders, dept_receipts, dept_updates

STATUSES_TO_SAY = [
    each.lower() for each in (*UpdateStatus, *UpdateStep) if each not in (UpdateStep.AS_STATUS, UpdateStep.CUSTOM)
]
_as_json = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.group()
def dept() -> None:
    """Departments 部门: watch what a department is told and send updates."""


@dept.command("list")
@_as_json
@with_settings
def list_command(settings: Settings, as_json: bool) -> None:
    """The city's departments with their topics."""
    city = load_city(settings.city)
    rows = [
        {
            "id": each.id, "en": each.name.en, "zh": each.name.zh, "orders": settings.topic(dept_orders(each.id).name),
            "updates": settings.topic(dept_updates(each.id).name),
            "receipts": settings.topic(dept_receipts(each.id).name),
        }
        for each in city.departments.values()
    ]  # fmt: skip
    if as_json:
        say_json(rows, indent=2)
        return
    table = Table("department 部门", "name 名称", "orders 指令", "updates 反馈", "receipts 回执", show_edge=False)
    for row in rows:
        table.add_row(row["id"], f"{row['en']} {row['zh']}", row["orders"], row["updates"], row["receipts"])
    Screen(soft_wrap=True).print(table)


@dept.command("units")
@click.argument("department", metavar="ID")
@_as_json
@with_settings
def units_command(settings: Settings, department: str, as_json: bool) -> None:
    """Who works below a department 下属单位: what it is, who stands above it, which areas it serves."""
    city = load_city(settings.city)
    require_department(city, department)
    organisation = city.organisation
    found = [] if organisation is None else [
        each for each in organisation.units.values() if organisation.department_of(each.id) == department
    ]  # fmt: skip
    if as_json:
        say_json([each.model_dump() for each in found], indent=2)
        return
    table = Table("unit 单位", "kind 类型", "name 名称", "above 上级", "areas 辖区", show_edge=False)
    for each in found:
        name = f"{each.name.en} {each.name.zh}" if each.name else ""
        table.add_row(each.id, each.kind, name, each.parent, ", ".join(each.areas))
    Screen(soft_wrap=True).print(table)


@dept.command("due")
@click.argument("department", metavar="ID")
@click.option("--unit", metavar="ID", help="Only what this unit of it has, and those below it.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@_as_json
@with_settings
def due_command(settings: Settings, department: str, unit: str | None, limit: int, as_json: bool) -> None:
    """What a department, or a unit of it, has to do 待办: its open cases from the ledger, what is overdue or due first on top."""
    city = load_city(settings.city)
    require_department(city, department)
    if unit is not None:
        require_unit(city, department, unit)
    list_open(settings, city, department, unit, limit, as_json=as_json)


@dept.command("watch")
@click.argument("department", metavar="ID")
@click.option("--from-start", is_flag=True, help="Begin with the oldest that is still there.")
@click.option("--unit", metavar="ID", help="Only orders for this unit of it, and for those below it.")
@click.option("--group", metavar="NAME", help="Go on where this consumer group stopped, and remember how far it came.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, the whole order; times in ms.")
@click.option(
    "--receipts/--no-receipts",
    default=None,
    help='The receipts of its updates too; as JSON: {"receipt": ...}.  [with --json only if asked for]',
)
@with_settings
def watch(
    settings: Settings, department: str, from_start: bool, group: str | None, as_json: bool, receipts: bool | None,
    unit: str | None,
) -> None:  # fmt: skip
    """Show a department's orders 指令, and the receipts 回执 of its updates, as they come, until Ctrl-C."""
    city = load_city(settings.city)
    require_department(city, department)
    if unit is not None:
        require_unit(city, department, unit)
    words, codec, console = Words(city), Codec(make_registry(settings)), Screen(soft_wrap=True)
    show_receipts = not as_json if receipts is None else receipts
    if not as_json:
        Screen(stderr=True).print(
            f"Orders and receipts for {words.department(department)}; Ctrl-C ends.", highlight=False
        )
    with ended_by_signals():
        topics = [dept_orders(department), *([dept_receipts(department)] if show_receipts else [])]
        for subject, record in records_to(settings, codec, topics, from_start=from_start, group=group):
            is_order = subject == Order.subject()
            if is_order and unit is not None and not _is_for(city, unit, record.get("unit")):
                continue
            if as_json:
                say_json(record if is_order else {"receipt": record})
            else:
                text = describe_order(record, words) if is_order else describe_receipt(record, words)
                console.print(text, markup=False, highlight=False)


@dept.command("update")
@click.argument("case", metavar="CASE")
@click.option(
    "--status",
    required=True,
    metavar="STEP",
    help=f"What was done: {', '.join(STATUSES_TO_SAY)}, or the code of a step of the city's steps.yaml.",
)
@click.option("--department", required=True, metavar="ID", help="Who says so; `cityhub dept list` names them.")
@click.option("--note", default="", help="For the reporter; no personal data.")
@click.option("--reason", help="Why 理由: of a pause, one of those the clock's row allows.")
@click.option(
    "--clock", metavar="NAME", help="The clock an extension or a pause is for.  [resolve; all that may pause]"
)
@click.option("--to", metavar="ID", help="Who a case goes to, a department or a unit of one, or that is scored.")
@click.option(
    "--member",
    "members",
    multiple=True,
    metavar="ID",
    help="A department that is called (whistled); may be given often.",
)
@click.option("--report", metavar="SOURCE:REF", help="The report that is about something else (unlinked).")
@click.option("--score", type=click.IntRange(0, 100), help="With scored.")
@click.option("--solved/--not-solved", default=None, help="Called back: whether it was solved, if that was asked.")
@click.option("--unit", metavar="ID", help="Who of the department says so; `cityhub dept units` names them.")
@click.option(
    "--outcome", metavar="CODE", help="With resolved: what it came to 办理结果, of the outcomes in steps.yaml."
)
@click.option(
    "--until",
    metavar="TIME",
    help="Of an outcome that hangs the case up 挂账: until when; a day of the city, or ISO 8601 with offset.",
)
@click.option("--at", "done_at", metavar="TIME", help="When it was done, ISO 8601 with offset.  [now]")
@click.option("--update-id", help="The department's own reference: sent twice, it counts once.  [a new one]")
@click.option(
    "--wait",
    default=15.0,
    show_default=True,
    metavar="SECONDS",
    help="For the receipt 回执 at most so long; 0: not at all.",
)
@_as_json
@with_settings
def update(
    settings: Settings, case: str, status: str, department: str, note: str, done_at: str | None, update_id: str | None,
    as_json: bool, reason: str | None, clock: str | None, to: str | None, members: tuple[str, ...], report: str | None,
    score: int | None, solved: bool | None, outcome: str | None, until: str | None, wait: float,
    unit: str | None,
) -> None:  # fmt: skip
    """Say of a case what was done 反馈: accepted 受理, refused 退回, responded 答复, resolved 办结, or another step of its life.

    Ends with 0 when Kafka has it. Prints the receipt: what became of it, and why if it was not applied.
    """
    city = load_city(settings.city)
    require_department(city, department)
    word, code = status.upper(), status.lower() if status.lower() in city.steps else None
    if code is None and status.lower() not in STATUSES_TO_SAY:
        own = f", {', '.join(city.steps)}" if city.steps else ""
        raise click.BadParameter(f"there is no step {status!r}; say one of {', '.join(STATUSES_TO_SAY)}{own}")
    _require_outcome(city, outcome)
    if unit is not None:
        require_unit(city, department, unit)
    if outcome is not None and city.outcomes[outcome].counts == "hung_up" and word == "RESOLVED":
        word = "PAUSED"  # it does not end the case
    said_status, step = status_and_step("CUSTOM" if code else word)
    said = Update(
        update_id=update_id or f"by-hand-{uuid.uuid4()}",
        department=department,
        case_id=case,
        status=said_status,
        step=step,
        reason=reason,
        clock=clock,
        to=to,
        members=list(members),
        score=score,
        solved=solved,
        report=report,
        code=code,
        outcome=outcome,
        unit=unit,
        until=None if until is None else _day_or_instant(until, city.time_zone),
        at=wall_ms() if done_at is None else _instant(done_at),
        note=note,
    )
    topic = dept_updates(department)
    codec = Codec(make_registry(settings))
    receipts = ReceiptOf(settings, codec, department)
    with receipts if wait else nullcontext():
        with Sender(settings) as sender:
            sender.send(topic.name, case.encode(), codec.encode_one(Update.subject(), said.to_avro()))
        if not as_json:
            say(
                f"{case}: {Words(city).event(word)} by {department} is in {settings.topic(topic.name)} as {said.update_id}"
            )
        receipt = receipts.wait(said, wait) if wait else None
    if as_json:
        say_json(said.model_dump() | {"topic": settings.topic(topic.name), "receipt": receipt})
    elif receipt is not None:
        say_lines(describe_receipt(receipt, Words(city)))
    elif wait:
        say(f"no receipt 回执 after {wait:g} s; `cityhub dept watch {department}` shows it when it comes", err=True)


def require_department(city: City, department: str) -> None:
    """Raises FatalError naming the departments there are."""
    if department not in city.departments:
        raise FatalError(f"{city.name.en} has no department {department!r}; it has: {', '.join(city.departments)}")


def _require_outcome(city: City, outcome: str | None) -> None:
    """Raises BadParameter naming the outcomes there are."""
    if outcome is not None and outcome not in city.outcomes:
        there = ", ".join(city.outcomes) or "none, as steps.yaml declares no outcomes"
        raise click.BadParameter(f"there is no outcome {outcome!r}; there are: {there}", param_hint="--outcome")


def require_unit(city: City, department: str, unit: str) -> None:
    """Raises FatalError if a department has no such unit."""
    organisation = city.organisation
    if organisation is None or unit not in organisation.units or organisation.department_of(unit) != department:
        raise FatalError(
            f"{department} has no unit {unit!r} in organisation.yaml; `cityhub dept units {department}` lists them"
        )


def _is_for(city: City, unit: str, named: str | None) -> bool:
    organisation = city.organisation
    return named is not None and organisation is not None and unit in (named, *organisation.above(named))


def describe_order(order: dict[str, Any], words: Words) -> str:
    """An order in a few lines."""
    said = (
        f"{words.local(order['issued_at'])}  {order['case_id']}  {ORDER_NAMES[order['kind']]} "
        f"{words.department(order['department'])}"
    )
    lines = [said + (f"  ({order['reason']})" if order["reason"] else "")]
    lines += [f"    unit 单位 {words.unit(order['unit'])}"] if order.get("unit") else []
    lines += [f"    {words.beside(order)}"] if order.get("joined") else []
    event = order["event"]
    if event is not None:
        where = event["place"]["address"] or words.area(order["area"])
        lines += [f"    {event['urgency'].lower()}  {words.category(event['category'])}  {where}"]
        lines += [f"    {event['title']}"] if event["title"] else []
    dues = "; ".join(f"{due['clock']} {words.local(due['due_at'])}" for due in order["deadlines"])
    lines += [f"    due 到期: {dues}"] if dues else []
    return "\n".join(map(shown, lines))


def describe_receipt(receipt: dict[str, Any], words: Words) -> str:
    """A receipt in a few lines."""
    said = words.event(receipt["said"])
    outcome = OUTCOME_NAMES.get(receipt["outcome"], f"{receipt['outcome']}: not applied 未生效")
    what = f"{receipt['update_id'] or 'an update that cannot be read'} ({said})" if said else "an update"
    lines = [f"{words.local(receipt['at'])}  {receipt['case_id']}  receipt 回执: {what}: {outcome}"]
    if receipt["counts_from"] is not None:
        lines.append(f"    counts from 起算 {words.local(receipt['counts_from'])}")
    if receipt.get("said_outcome") is not None:
        until = "" if receipt["said_until"] is None else f" until 至 {words.local(receipt['said_until'])}"
        lines.append(f"    outcome 办理结果 {words.outcome(receipt['said_outcome'])}{until}")
    lines += [f"    {receipt['detail']}"] if receipt["detail"] else []
    return "\n".join(map(shown, lines))


def _day_or_instant(text: str, time_zone: str) -> int:
    """A day is its first instant in the city."""
    try:
        return midnight_ms(date.fromisoformat(text), time_zone)
    except ValueError:
        return _instant(text, "--until")


def _instant(text: str, option: str = "--at") -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} is no time with offset; write it like 2026-03-02T09:00:00+08:00", param_hint=option
        )
    return ms_of(when)

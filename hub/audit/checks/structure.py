"""Whether the hub's own records fit together: what refers to a case, and what must come of what. Joins of arrays; no I/O."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hub.audit.checks.accounts import TRACK, ids
from hub.audit.checks.dates import check_dates
from hub.audit.checks.gaps import read_by
from hub.audit.report import SHOWN, Finding
from hub.audit.tables import HERE, ORIGIN, Tables, due, rows_of
from hub.core.columns import Flags
from hub.core.tracking.lifecycle import EVENT_RULES, LADDER, REPORTERS_TOLD
from hub.model.ids import CORRECTS, derived_id, of_revision
from hub.model.update import event_of

_RINGS_TWICE = "deadline records twice 重复时限"
_SETTLES = "resolved"
_ENDS = {"MET", "ENDED_LATE", "CANCELLED"}


def check_structure(tables: Tables) -> tuple[int, int, tuple[Finding, ...]]:
    """How many cases there are, how many were opened again after they were forgotten, and what was found.

    Checked: every change, order, deadline, closure and reply is of a case that was opened, and no change comes before it;
    a case is opened once; order ids are unique but where the cause is there as often; a case that opens and is not over,
    or is rerouted, has exactly one ASSIGN, a report linked to an open one exactly one LINK, a warning or breach exactly
    one REMIND, and there are no others; each record of a clock (kind, instant, due time) is there once, but where the
    clock was cancelled and set to the same again; a verdict agrees with its due time, and one that takes another's place
    says so; each (applied update, linked report) has exactly one reply; nothing is dated before what it is about.
    Not checked: AMEND and WITHDRAW orders, texts, who was told what when, that every clock that should run does, that each
    resolved or refused case has its closure and the change that follows from it.
    """
    opened = tables.cases.filter(pc.equal(tables.cases.column("change"), "OPENED"))
    again, doubled = _openings(tables.cases, opened)
    findings = (
        Finding.of("cases opened twice 重复立案", doubled),
        _before_opening(tables.cases, opened),
        *_orphans(tables, opened),
        *_orders(tables),
        _doubled_rings(tables, opened),
        _verdicts(tables.deadlines),
        *_replies(tables),
        *check_dates(tables, ((order, caused_ms) for order, caused_ms, _ in _wanted_orders(tables))),
    )
    return pc.count_distinct(opened.column("case_id")).as_py(), again, findings


def _openings(cases: pa.Table, opened: pa.Table) -> tuple[int, list[str]]:
    """Ids of cases opened more than once, but for those that were over before: `route` forgets these after a while."""
    counted = Counter(opened.column("case_id").to_pylist())
    several = [case for case, count in counted.items() if count > 1]
    if not several:
        return 0, []
    again, doubled = 0, []
    chosen = cases.filter(pc.is_in(cases.column("case_id"), pa.array(several))).sort_by(HERE)
    over: dict[object, bool] = {}
    for case, change, is_over in rows_of(chosen, "case_id", "change", "over"):
        if change == "OPENED" and case in over:
            if over[case]:
                again += 1
            else:
                doubled.append(str(case))
        over[case] = bool(is_over)
    return again, doubled


def _before_opening(cases: pa.Table, opened: pa.Table) -> Finding:
    """A case's records are in one partition: the first must be its opening."""
    first = cases.group_by("case_id").aggregate([(HERE, "min")])
    opening = opened.group_by("case_id").aggregate([(HERE, "min")]).rename_columns(["case_id", "opening"])
    both = first.join(opening, "case_id", join_type="inner")
    early = both.filter(pc.less(both.column(f"{HERE}_min"), both.column("opening")))
    return Finding.of("changes before their case opens 先于立案的变更", early.column("case_id").to_pylist())


def _orphans(tables: Tables, opened: pa.Table) -> Iterator[Finding]:
    known = pc.unique(opened.column("case_id"))
    for what, table in (
        ("case changes 变更", tables.cases),
        ("orders 指令", tables.orders),
        ("deadlines 时限", tables.deadlines),
        ("closures 办结", tables.closures),
        ("replies 回复", tables.replies),
    ):
        orphans = table.filter(pc.and_not(pa.array(due(tables, table)), pc.is_in(table.column("case_id"), known)))
        places = (tables.identities.show(each) for each in ids(orphans)[:SHOWN].tolist())
        yield Finding.of(f"{what} of a case never opened", places, len(orphans))


# -- orders --------------------------------------------------------------------------------------------------------------


def _orders(tables: Tables) -> Iterator[Finding]:
    """Orders whose cause is known by name: their ids are derived from it, so wanted and found are compared as ids."""
    old = tables.orders.filter(pa.array(due(tables, tables.orders)))
    caused = pc.is_in(old.column("kind"), pa.array(["ASSIGN", "LINK", "REMIND"]))
    found = Counter(tables.orders.column("order_id").to_pylist())
    wanted: Counter[str] = Counter()
    owed: Counter[str] = Counter()
    for order, _, is_due in _wanted_orders(tables):
        wanted[order] += 1
        owed[order] += is_due
    counts = Counter(old.column("order_id").to_pylist())
    causeless = set(old.filter(caused).column("order_id").to_pylist()) - wanted.keys()
    above = Counter[str]()
    if causeless:
        above = _told_above(tables, old.filter(pc.is_in(old.column("order_id"), pa.array(sorted(causeless)))))
    twice = [each for each, count in counts.items() if count > max(1, wanted[each], above[each])]
    yield Finding.of("order ids twice 重复指令", twice)
    yield Finding.of("orders owed and not sent 缺少指令", (owed - found).elements())
    yield Finding.of("orders without a cause 无因指令", sorted(causeless - above.keys()))


def _wanted_orders(tables: Tables) -> Iterator[tuple[str, int, bool]]:
    """Ids, each with the instant of what causes the order, UTC ms, and whether it must have been sent by now."""
    cases = tables.cases.filter(
        pc.and_(
            pc.invert(tables.cases.column("over")),
            pc.or_(
                pc.is_in(tables.cases.column("change"), pa.array(["OPENED", "LINKED", "REROUTED"])),
                tables.cases.column("reopens"),
            ),
        )
    )
    names = ("case_id", "department", "change", "source", "source_ref", "revision", "at", HERE)
    parts = _parts_before(tables.cases)
    moves = [(str(count),) if count else () for count in cases.column("moves").to_pylist()]
    lists = (cases.column("reopens").to_pylist(), cases.column("co_handlers").to_pylist(), due(tables, cases).tolist())
    for row, nth, reopens, helpers, is_due in zip(rows_of(cases, *names), moves, *lists, strict=True):
        case, department, change, source, ref, revision, at = map(str, row[:-1])
        kind = "LINK" if change == "LINKED" and not reopens else "ASSIGN"
        lead, others = parts.get((case, row[-1]), ("", ())) if not reopens else ("", ())
        for receiver in (department, *helpers):
            new = receiver not in (others if receiver != department else (lead,))
            order = derived_id("O", case, receiver, kind, change, source, ref, revision, at, *nth)
            yield order, int(at), is_due and new
    for _, order, told_ms, is_due in _reminders(tables):
        yield order, told_ms, is_due


def _reminders(tables: Tables) -> Iterator[tuple[str, str, int, bool]]:
    """Case, and as `_wanted_orders`, of orders that remind who holds a case. Which steps of a city's own are rungs of its ladder no
    record says: orders for these are allowed, and not owed."""
    rings = tables.deadlines.filter(pc.is_in(tables.deadlines.column("kind"), pa.array(["WARNED", "BREACHED"])))
    ringing = rows_of(rings, "case_id", "department", "kind", "clock", "policy", "due_at", "at")
    for (*ring, due_ms, rung_ms), is_due in zip(ringing, due(tables, rings).tolist(), strict=True):
        yield ring[0], derived_id("O", *ring, str(due_ms)), rung_ms, is_due
    for update, department, case, status, said_ms, is_due in _applied(tables):
        rung = status.lower() in LADDER
        if rung or status.lower() not in EVENT_RULES:
            yield case, derived_id("O", case, status, department, update), said_ms, is_due and rung


def _told_above(tables: Tables, orders: pa.Table) -> Counter[str]:
    """Of these orders those that tell who stands above a holder of a rung, each as often as the holder was to be told: their ids
    follow from that of the holder's order. No record says who stands above whom, so none of them is owed."""
    asked = set(orders.column("case_id").to_pylist())
    causes: dict[str, list[str]] = defaultdict(list)
    for case, order, _, _ in _reminders(tables):
        if case in asked:
            causes[case].append(order)
    told = set(rows_of(orders, "order_id", "case_id", "rule", "department"))
    return Counter(
        order
        for order, case, rung, department in told
        for cause in causes[case]
        if derived_id("O", cause, rung, department) == order
    )


def _parts_before(cases: pa.Table) -> dict[tuple[str, int], tuple[str, Sequence[str]]]:
    """Who led and who helped before each rerouting of a case that ever had a helper or a unit, by case and place: who goes on as it
    was is owed no second order. Hubs of before have sent one all the same."""
    several = pc.greater(pc.list_value_length(cases.column("co_handlers")), 0)
    helped = cases.filter(pc.or_(several, cases.column("unit").is_valid())).column("case_id")
    chosen = cases.filter(pc.is_in(cases.column("case_id"), pc.unique(helped))).sort_by(HERE)
    found: dict[tuple[str, int], tuple[str, Sequence[str]]] = {}
    last: dict[str, tuple[str, Sequence[str]]] = {}
    for case, here, change, department, helpers in rows_of(
        chosen, "case_id", HERE, "change", "department", "co_handlers"
    ):
        if change == "REROUTED" and case in last:
            found[case, here] = last[case]
        last[case] = department, helpers
    return found


# -- clocks ----------------------------------------------------------------------------------------------------------------


def _doubled_rings(tables: Tables, opened: pa.Table) -> Finding:
    """Records of one clock that are there twice. Once it was taken back it may rightly say what it said before, and then be taken
    back again."""
    deadlines = tables.deadlines.filter(pa.array(due(tables, tables.deadlines))).sort_by(HERE)
    openings = Counter(opened.column("case_id").to_pylist())
    said: dict[tuple[Any, ...], set[tuple[Any, ...]]] = defaultdict(set)
    last: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    names = ("case_id", "clock", "policy", "due_at", "kind", "at", "started_at", "department", "corrects")
    found = []
    for row in rows_of(deadlines, *names):
        clock = row[:2]
        if (row in said[clock] or row == last.get(clock)) and openings[row[0]] <= 1:
            found.append(" ".join(map(str, row[:-1])))
        if row[-1] or row[4] == "CANCELLED":
            said[clock].clear()
        else:
            said[clock].add(row)
        last[clock] = row
    return Finding.of(_RINGS_TWICE, found)


def _verdicts(deadlines: pa.Table) -> Finding:
    """A breach is at its due time, what is met is in time, what ended late is not, and what takes back says so. A clock that
    stands still (its last pause has no end) is met at any time."""
    kind = deadlines.column("kind").combine_chunks()
    at, due = (deadlines.column(name).to_numpy() for name in ("at", "due_at"))
    is_kind = {name: pc.equal(kind, name).to_numpy(zero_copy_only=False) for name in ("BREACHED", "MET", "ENDED_LATE")}
    wrong: Flags = is_kind["BREACHED"] & (at != due)
    stands = pc.list_value_length(deadlines.column("pauses")).to_numpy() % 2 == 1
    wrong |= is_kind["MET"] & (at > due) & ~stands
    wrong |= is_kind["ENDED_LATE"] & (at <= due)
    found = [" ".join(map(str, row)) for row in rows_of(deadlines.filter(pa.array(wrong)), "case_id", "clock", "kind")]
    said: dict[tuple[object, ...], dict[object, set[object]]] = defaultdict(lambda: defaultdict(set))
    names = ("case_id", "clock", "policy", "due_at", "started_at", "kind", "corrects")
    for *clock, started, each, corrects in rows_of(deadlines.sort_by(HERE), *names):
        rounds = said[tuple(clock)]  # of a case that came back, a second may end at the same instant
        before = rounds[started]
        takes_back = each in _ENDS and (bool(before & _ENDS) or (each == "MET" and "BREACHED" in before))
        if (takes_back and not corrects) or (corrects and not any(rounds.values())):
            found.append(f"{clock[0]} {clock[1]} {each}")
        before.add(each)
        if each == "CANCELLED":  # what comes next may be a clock set anew to the same
            before -= {*_ENDS, "BREACHED"}
            before.add("set anew")
    return Finding.of("verdicts that contradict their clock 时限结论矛盾", found)


# -- replies ---------------------------------------------------------------------------------------------------------------


def _replies(tables: Tables) -> Iterator[Finding]:
    """A reply's id is derived from case, department, update with its revision, and report; one that takes the place of an earlier
    one, because the helper that spoke of its part held the case by what came late, has an id of its own.

    A refusal is told to nobody, or to reports linked after it: both are right. While an update is not applied, or `track` has
    not read a link, nothing is owed for it yet; nor is anything to a report that was taken out again, though it may have been
    told before.
    """
    found = Counter(tables.replies.column("reply_id").to_pylist())
    old = Counter(tables.replies.filter(pa.array(due(tables, tables.replies))).column("reply_id").to_pylist())
    owed: Counter[str] = Counter()
    may: Counter[str] = Counter()
    reports = _reports(tables)
    nowhere: list[str] = []
    for update, department, case, status, _, is_due in _applied(tables):
        if case not in reports:
            nowhere.append(f"{update} of {case}")
        for source, ref, linked in reports.get(case, ()):
            reply = derived_id("R", case, department, update, source, ref)
            may[reply] += 1
            may[derived_id("R", case, department, update, source, ref, CORRECTS)] += status.lower() == _SETTLES
            owed[reply] += status.lower() in REPORTERS_TOLD and is_due and linked
    settled = tables.cases.filter(
        pc.and_(pc.equal(tables.cases.column("change"), "OPENED"), tables.cases.column("over"))
    )
    for row in rows_of(settled, "case_id", "rule", "source", "source_ref"):
        may[derived_id("R", *map(str, row))] += 1  # told at once, where a rule settled the matter before dispatch
    yield Finding.of("updates of unknown cases that were not set aside 未知案件反馈", nowhere)
    yield Finding.of("replies owed and not sent 缺少回复", (owed - found).elements())
    yield Finding.of("replies twice or owed to nobody 多余回复", (old - may).elements())


def _reports(tables: Tables) -> dict[str, list[tuple[str, str, bool]]]:
    """Of each case its reports, once each, with whether answers are owed to them: `track` has read of them, and they are in it."""
    changes = tables.cases.filter(pc.is_in(tables.cases.column("change"), pa.array(["OPENED", "LINKED"])))
    read = read_by(tables, TRACK, ids(changes)).tolist()
    found: dict[str, dict[tuple[str, str], bool]] = defaultdict(dict)
    for (case, source, ref), is_read in zip(rows_of(changes, "case_id", "source", "source_ref"), read, strict=True):
        found[str(case)].setdefault((str(source), str(ref)), is_read)
    for case, source, ref in rows_of(
        tables.cases.filter(tables.cases.column("unlinks")), "case_id", "source", "source_ref"
    ):
        found[str(case)][str(source), str(ref)] = False
    return {case: [(source, ref, is_read) for (source, ref), is_read in each.items()] for case, each in found.items()}


def _applied(tables: Tables) -> Iterator[tuple[str, str, str, str, int, bool]]:
    """Id with its revision, department, case, step (or else status) and time of each update of which its receipt says that it was
    applied, and whether what comes of it must be there by now."""
    receipts = tables.receipts
    old = pa.array(due(tables, receipts))
    accepted = pc.equal(receipts.column("outcome"), "accepted")
    applied, are_due = (
        receipts.filter(mask).column(ORIGIN).combine_chunks() for mask in (accepted, pc.and_(accepted, old))
    )
    updates = tables.updates.filter(pc.is_in(tables.updates.column(ORIGIN), applied))
    is_due = pc.is_in(updates.column(ORIGIN), are_due).to_pylist()
    names = ("update_id", "revision", "department", "case_id", "status", "step", "code", "until", "at")
    for (update, revision, department, case, *said, at), each_due in zip(rows_of(updates, *names), is_due, strict=True):
        yield of_revision(update, revision), department, case, event_of(*said), at, each_due

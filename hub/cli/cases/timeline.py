"""A case's story in order of time, and its clocks as bars. Pure: records in, lines and states out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

from hub.cli.terminal.words import CHANGES, NOTICE_NAMES, ORDER_NAMES, OUTCOME_NAMES, Words
from hub.core.figures.ledger import HeldStretch, ledger
from hub.inspect.story import Story
from hub.inspect.turns import turns_of
from hub.model.outputs import CLOCKS_BETWEEN
from hub.model.update import event_of
from hub.units import zh_name

_BAR = 32
_COLOURS = {
    "met": "green", "running": "cyan", "breached": "bold red", "ended_late": "red", "cancelled": "dim", "warned": "yellow",
}  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """One thing that happened. `rank` orders what is of one instant: causes before what follows from them."""

    at_ms: int
    rank: int
    mark: str
    text: str
    details: tuple[str, ...] = ()
    style: str = ""


class ClockRow(NamedTuple):
    """The row of the rules that a clock follows, as the records have it: the folder here may be another by now."""

    rules: str = ""
    """Version of the rules by which it was reckoned; empty: not known."""
    duration: float = 0.0
    unit: str = ""
    """Empty: the source's own due time, or not known."""
    calendar: str = ""


@dataclass(frozen=True)
class ClockLine:
    """One clock as it stands at the end of the story. Times in ms."""

    clock: str
    policy: str
    started_ms: int
    due_ms: int
    state: str
    """running, warned, met, breached, ended_late, cancelled."""
    ended_ms: int | None
    warned_ms: int | None
    breached_ms: int | None
    row: ClockRow

    @property
    def style(self) -> str:
        return _COLOURS[self.state]

    def bar(self, now_ms: int) -> str:
        """From start to due as █, what is left as ░, what ran over as ▓; the due time is the bar │."""
        end = self.ended_ms if self.ended_ms is not None else max(now_ms, self.started_ms)
        span = max(end, self.due_ms) - self.started_ms or 1
        due = min(_BAR, max(1, round(_BAR * (self.due_ms - self.started_ms) / span)))
        done = min(_BAR, max(0, round(_BAR * (end - self.started_ms) / span)))
        return "█" * min(done, due) + "░" * (due - min(done, due)) + "│" + "▓" * max(0, done - due)


def last_instant(story: Story) -> int:
    """The newest instant the story knows of."""
    times = [change["at"] for change in story.changes]
    times += [order["issued_at"] for order in story.orders] + [ring["noticed_at"] for ring in story.deadlines]
    times += [each["update"]["at"] for each in story.updates]
    return int(max(times))


def story_clocks(story: Story) -> list[ClockLine]:
    """The clocks of the last order that names them, with what hub.deadlines says of each."""
    dues: dict[str, tuple[str, int]] = {}
    for order in story.orders:
        if order["kind"] != "REMIND":
            dues |= {due["clock"]: (due["policy"], due["due_at"]) for due in order["deadlines"]}
    rings: dict[str, list[dict[str, Any]]] = {}
    for ring in sorted(story.deadlines, key=lambda each: each["kafka"]["offset"]):
        rings.setdefault(ring["clock"], []).append(ring)
    for clock, rung in rings.items():
        last = (rung[-1]["policy"], rung[-1]["due_at"])
        # a clock that was set anew by an amendment is cancelled, and the order says what runs instead
        if rung[-1]["kind"] != "CANCELLED" or clock not in dues:
            dues[clock] = last
        rings[clock] = [ring for ring in rung if (ring["policy"], ring["due_at"]) == dues[clock]]
    order, given = {"accept": 0, "respond": 1, "resolve": 2}, _given(story)
    return [
        _clock(
            clock,
            policy,
            due_ms,
            rings.get(clock, []),
            given.get((clock, policy, due_ms), (story.opened["opened_at"], ClockRow())),
        )
        for clock, (policy, due_ms) in sorted(dues.items(), key=lambda item: order.get(item[0], 9))
    ]


def _given(story: Story) -> dict[tuple[str, str, int], tuple[int, ClockRow]]:
    """When each clock started and the row it follows, by its name, the row's id and due time, as its case was given it."""
    return {
        (clock["clock"], clock["policy"], clock["due_at"]): (
            clock["started_at"],
            ClockRow(clock["rules"] or change["rules"], clock["duration"], clock["unit"], clock["calendar"]),
        )
        for change in story.changes
        for clock in change.get("clocks", ())
    }


def row_of(ring: dict[str, Any]) -> ClockRow:
    """The row by which the due time in a `cityhub.DeadlineEvent` was reckoned."""
    return ClockRow(ring.get("rules", ""), ring.get("duration", 0.0), ring.get("unit", ""), ring.get("calendar", ""))


def _clock(clock: str, policy: str, due_ms: int, rings: list[dict[str, Any]], given: tuple[int, ClockRow]) -> ClockLine:
    at = {ring["kind"]: ring["at"] for ring in rings}
    ended = next((at[kind] for kind in ("MET", "ENDED_LATE", "CANCELLED") if kind in at), None)
    return ClockLine(
        clock=clock,
        policy=policy,
        started_ms=rings[-1]["started_at"] if rings else given[0],
        due_ms=due_ms,
        state=rings[-1]["kind"].lower() if rings else "running",
        ended_ms=ended,
        warned_ms=at.get("WARNED"),
        breached_ms=at.get("BREACHED"),
        row=_known(row_of(rings[-1]), given[1]) if rings else given[1],
    )


def _known(notice: ClockRow, given: ClockRow) -> ClockRow:
    """What a notice says of the row; of one whose rules the worker knew no longer, what the case was given."""
    return given if not notice.unit and notice.rules == given.rules else notice


def held_of(story: Story) -> list[HeldStretch]:
    """The holder ledger: who held the case, from when to when, until the last instant that is known."""
    return ledger(story.last["opened_at"], turns_of(story.changes), last_instant(story))


def moments_of(story: Story, words: Words) -> list[Moment]:
    """Everything that happened, in order of time."""
    found = [*_reports(story), *_changes(story, words), *_orders(story, words), *_rings(story, words)]
    found += [*_updates(story, words), *_refused(story, words), *_replies(story, words), *_erasures(story)]
    return sorted(found, key=lambda moment: (moment.at_ms, moment.rank))


def _reports(story: Story) -> Iterator[Moment]:
    for each in story.reports:
        event = each["event"]
        told = [
            f"{event['source']}:{event['source_ref']} revision {event['revision']}, {event['urgency'].lower()}, {event['channel']}"
        ]
        told += [line for line in (event["title"], event["text"]) if line]
        yield Moment(
            event["reported_at"],
            0,
            "☎",
            f"{event['source']} reports 来报: {event['kind'].lower()}",
            tuple(told),
            "bold",
        )


def _erasures(story: Story) -> Iterator[Moment]:
    for each in story.erasures:
        text = f"erased 已删除 ({each['source']}:{each['source_ref']}): what it said until then"
        yield Moment(each["at"], 4, "⌫", text, (f"by 申请人 {each['by']}: {each['reason']}",), "dim")


def _changes(story: Story, words: Words) -> Iterator[Moment]:
    for change in story.changes:
        details = []
        link = change["link"]
        if link is not None:
            details.append(f"why 理由: score {link['score']:.2f}; {'; '.join(link['reasons'])}")
            details += _asks(story, change, words)
        if change["change"] in ("OPENED", "REROUTED"):
            why = f"rule 规则 {change['rule']}"
            if change["desk_reason"]:
                why += f", at the dispatch desk 派单台: {change['desk_reason']}"
            unit = f", unit 单位 {words.unit(change['unit'])}," if change.get("unit") else ""
            details.append(f"goes to 归属 {words.department(change['department'])}{unit} by {why}")
            details += _helps(change, words)
        noted = change["change"] == "AMENDED" and change.get("held")
        what = "UNLINKED" if change.get("unlinks") else "HELD" if noted else change["change"]
        text = f"{CHANGES[what]} ({change['source']}:{change['source_ref']})"
        yield Moment(change["at"], 1, "●", text, tuple(details), "blue")


def _helps(change: dict[str, Any], words: Words) -> Iterator[str]:
    """Who helps, and who of these was called together and has clocks of its own."""
    called = change.get("called") or []
    for name, those in (
        ("called with it, with clocks of their own 一并召集", called),
        ("helps 协办", [each for each in change["co_handlers"] if each not in called]),
    ):
        if those:
            yield f"{name}: {', '.join(map(words.department, those))}"


def _asks(story: Story, change: dict[str, Any], words: Words) -> Iterator[str]:
    """What the item of a report that was joined to this case asks by itself: its category, and the limit that it would have alone.
    The case's own clocks run; this one stays visible beside them (并案后原诉求保留)."""
    mine = change["source"], change["source_ref"]
    for each in story.reports:
        event = each["event"]
        if (event["source"], event["source_ref"]) == mine and event["category"]:
            kind = event["category"], event["source"], event["urgency"], change["area"]
            yield f"joined 并入; asks 诉求: {words.category(event['category'])}"
            yield f"by itself 单独归属: {words.leads(*kind)}"
            yield f"by itself 单独时限: {words.limits(*kind, event['reported_at']) or '-'}"
            return


def _orders(story: Story, words: Words) -> Iterator[Moment]:
    """Orders of one kind at one instant are one line."""
    groups: dict[tuple[int, str, str], list[str]] = {}
    for order in story.orders:
        group = groups.setdefault((order["issued_at"], order["kind"], order["department"]), [])
        # why a report was linked is said where it is linked
        reason = "" if order["kind"] == "LINK" else order["reason"] or ""
        beside = words.beside(order) if order["kind"] == "ASSIGN" else ""
        group.append("; ".join(filter(None, (reason, beside, *_reminds_of(order, words)))))
    for (at_ms, kind, department), reasons in groups.items():
        details = tuple(reason for reason in reasons if reason)
        yield Moment(
            at_ms, 3, "→", f"{ORDER_NAMES[kind]} {words.department(department)}{_times(len(reasons))}", details
        )


def _reminds_of(order: dict[str, Any], words: Words) -> Iterator[str]:
    """Which clocks a reminder is about, and when they are, or were, due."""
    for due in order["deadlines"] if order["kind"] == "REMIND" else ():
        yield f"clock 时限 {words.clock(due['clock'])}, due 到期 {words.local(due['due_at'])}"


def _rings(story: Story, words: Words) -> Iterator[Moment]:
    styles = {"WARNED": "yellow", "BREACHED": "bold red", "MET": "green", "ENDED_LATE": "red", "CANCELLED": "dim"}
    for ring in story.deadlines:
        details = [
            words.row(ring["policy"], *row_of(ring)[:3]),
            *_gave_way(ring, story.opened, words),
            f"due 到期 {words.local(ring['due_at'])}",
            *_derivation(ring, words),
        ]
        if ring["noticed_at"] > ring["at"]:
            details.append(f"noticed 发现于 {words.local(ring['noticed_at'])}")
        if ring["corrects"]:
            details.append("corrects the breach: done in time, told late 更正超时")
        if ring.get("said_at") is not None:
            details.append(f"said to be done 所报时间 {words.local(ring['said_at'])}; counts from here 按此时间计")
        text = f"clock {ring['clock']} {NOTICE_NAMES[ring['kind']]}"
        yield Moment(ring["at"], 2, "⏰", text, tuple(details), styles[ring["kind"]])


def _gave_way(ring: dict[str, Any], opened: dict[str, Any], words: Words) -> Iterator[str]:
    """The row whose shorter limit does not apply, as a law sets a longer one."""
    what = (opened["category"], opened["lead_source"], opened["urgency"], opened["area"], opened["conditions"])
    shorter = words.gave_way(ring["policy"], ring.get("rules", ""), *what)
    if shorter is not None:
        yield f"longer by law than row {shorter} 法定时限更长，从其规定"


def _derivation(ring: dict[str, Any], words: Words) -> Iterator[str]:
    """How the due time came about, as the record carries it: anyone can recompute it."""
    if not ring.get("unit"):
        return
    calendar = f", calendar 日历 @{ring['calendar']}" if ring["calendar"] else ""
    if ring.get("rules"):
        yield f"rules 规则版本 {ring['rules']}"
    length = f"{ring['duration']:g} {ring['unit']} {zh_name(ring['unit'])}"
    yield f"{length} from 自 {words.local(ring['started_at'])}{calendar}"
    at_ms = ring["started_at"]
    for number, span_ms in enumerate(ring["stretches"]):
        if number % 2 == 0 and span_ms:
            yield f"counted 计入 {words.local(at_ms)} - {words.local(at_ms + span_ms)}"
        at_ms += span_ms
    paused = ring["pauses"]
    for from_ms, to_ms in zip_longest(paused[::2], paused[1::2]):
        yield f"paused 中止 {words.local(from_ms)} - {words.local(to_ms) if to_ms is not None else 'not resumed 未恢复'}"
    for at_ms in ring["extensions"]:
        unit = ring["extension_unit"]
        yield f"extended 延期 {words.local(at_ms)}: {ring['extension']:g} {unit} {zh_name(unit)}"
    if ring["provisional"]:
        yield "provisional: holidays not settled yet 暂定"


def _refused(story: Story, words: Words) -> Iterator[Moment]:
    """Updates that were set aside, at the time they name, as far as that is known."""
    times = {_place(each["origin"]): each["update"]["at"] for each in story.updates}
    for each in story.receipts:
        if each["outcome"] not in OUTCOME_NAMES:
            said = words.event(each["said"]) or "an update"
            text = f"{words.department(each['department'])}: {said} was not applied 未生效: {each['outcome']}"
            at_ms = int(times.get(_place(each["origin"])) or each["at"])
            yield Moment(at_ms, 2, "✗", text, (each["detail"],), "red")


def _place(origin: dict[str, Any]) -> tuple[Any, ...]:
    return origin["topic"], origin["partition"], origin["offset"]


def _updates(story: Story, words: Words) -> Iterator[Moment]:
    from_ms = {
        _place(each["origin"]): each["counts_from"] for each in story.receipts if each["counts_from"] is not None
    }
    meant = {_place(each["origin"]): each["detail"] for each in story.receipts if each["outcome"] == "accepted"}
    for each in story.updates:
        update = each["update"]
        unit = f" ({words.unit(update['unit'])})" if update.get("unit") else ""
        text = f"{words.department(update['department'])}{unit}: {words.event(_event(update))}"
        said = [
            f"{name} {update[name]}" for name in ("report", "to", "reason", "score") if update.get(name) is not None
        ]
        clock = meant.get(_place(each["origin"])) or update.get("clock")
        said += [f"clock 时限 {words.clock(each)}" for each in clock.split(CLOCKS_BETWEEN)] if clock else []
        said += _came_to(update, words)
        said += [f"called 吹哨 {', '.join(update['members'])}"] if update.get("members") else []
        counts_ms = from_ms.get(_place(each["origin"]))
        if update["at"] < story.opened["opened_at"]:
            said.append("dated before the report, counts as at it 早于来报，按来报时间计")
        elif counts_ms is not None:
            said.append(f"counts from 起算 {words.local(counts_ms)}")
        note = (*said, *((update["note"],) if update["note"] else ()))
        yield Moment(update["at"], 1, "←", text, note, "magenta")


def _came_to(update: dict[str, Any], words: Words) -> Iterator[str]:
    """What a resolution came to, and until when it hangs the case up."""
    if update.get("outcome") is not None:
        yield f"outcome 办理结果 {words.outcome(update['outcome'])}"
    if update.get("until") is not None:
        yield f"until 至 {words.local(update['until'])}; its clocks go on by themselves then 到期自动恢复计时"


def _event(update: dict[str, Any]) -> str:
    return event_of(update["status"], update["step"], update.get("code"), update.get("until"))


def _replies(story: Story, words: Words) -> Iterator[Moment]:
    """Answers of one status at one instant are one line."""
    groups: dict[tuple[int, str], list[str]] = {}
    for reply in story.replies:
        groups.setdefault((reply["at"], reply["status"]), []).append(f"{reply['source']}:{reply['source_ref']}")
    for (at_ms, status), reports in groups.items():
        text = f"answered to 回复{_times(len(reports))}: {words.event(status)}"
        yield Moment(at_ms, 4, "✉", text, (", ".join(sorted(reports)),))


def _times(count: int) -> str:
    return f" ×{count}" if count > 1 else ""

"""What somebody says at the board of many cases at once, as the updates it is. Pure but for the ids: the topics decide what becomes
of it, as of all that departments say."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, select

from hub.errors import FatalError
from hub.ledger.tables import CASES_TABLE, RECEIPTS_TABLE
from hub.model.update import Update, status_and_step
from hub.policy import City
from hub.web.access.accounts import DISPATCHING, Role, User
from hub.web.access.chain import AuditedAct, TrailEntry
from hub.web.access.file import AccessFile
from hub.web.access.trail import last_entries
from hub.web.bodies import HttpProblem, not_now

MOST_CASES = 5_000
"""In one act: all that one mistake of the rules has sent astray."""
MOST_ACT_BYTES = 512 * 1024
_REMEMBERED = 200
_AT_ONCE = 500
DESK_EVENTS = (
    "transferred", "designated", "reminded", "supervised", "extension_granted", "extension_denied", "verified", "reopened",
    "unlinked",
)  # fmt: skip
"""What the desk may say here; it speaks as the city's dispatch desk."""
DEPARTMENT_EVENTS = ("accepted", "arrived", "responded", "resolved", "refused", "transferred", "extension_asked")
"""What a department may say of its own cases here."""
_WITH_DEPARTMENT = frozenset(("transferred", "designated"))
_WITH_REASON = frozenset(("refused", "transferred", "designated", "reopened", "unlinked"))
_TAKEN = "accepted"
_ACT_ID = r"[0-9a-f]{32}"


class BoardAct(BaseModel):
    """As a page sends it. `act_id`: drawn by the page, so that what is sent twice counts once; `reason`: in somebody's words."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    act_id: str = Field(pattern=f"^{_ACT_ID}$")
    event: str = Field(max_length=40)
    cases: tuple[str, ...] = Field(min_length=1, max_length=MOST_CASES)
    to: str | None = Field(None, max_length=100)
    clock: str | None = Field(None, max_length=100)
    report: str | None = Field(None, max_length=300)
    reason: str | None = Field(None, max_length=200)
    unit: str | None = Field(None, max_length=100)
    """Who of the department says so."""


def act_in(body: bytes) -> BoardAct:
    """Raises HttpProblem (422), which quotes nothing that was sent."""
    try:
        return BoardAct.model_validate_json(body)
    except ValidationError as error:
        where = sorted({".".join(map(str, each["loc"][:1])) for each in error.errors()})
        raise HttpProblem(422, f"this is no act; look at {', '.join(where)}") from None


def speaker(user: User, event: str, city: City) -> str:
    """The department for which somebody says it. Raises HttpProblem (403) for what is not theirs to say."""
    if event in DESK_EVENTS and user.may(DISPATCHING):
        return city.dispatch_desk
    if event in DEPARTMENT_EVENTS and user.may({Role.DEPARTMENT}) and user.department in city.departments:
        return user.department
    raise HttpProblem(403, "this is not yours to say 无权执行此操作")


def require_whole(act: BoardAct, city: City) -> None:
    """Raises HttpProblem (422) for an act that lacks what it needs, or names what the city has not."""
    if act.event in _WITH_DEPARTMENT and (act.to is None or city.department_of(act.to) is None):
        raise HttpProblem(422, "choose a department 请选择部门")
    if act.event in _WITH_REASON and not (act.reason or "").strip():
        raise HttpProblem(422, "give a reason 请填写理由")
    if act.clock is not None and act.clock not in city.clocks:
        raise HttpProblem(422, "the city has no such clock 无此时限")
    if act.event == "unlinked" and (len(act.cases) != 1 or not act.report):
        raise HttpProblem(422, "choose one case, and the report to take out of it 请选择一件案件及要撤出的来报")


def updates_in_act(act: BoardAct, department: str, at_ms: int) -> list[Update]:
    """One of each case. Raises HttpProblem (422) for a case or a report that cannot be one."""
    status, step = status_and_step(act.event.upper())
    fields = {"to": act.to, "clock": act.clock, "report": act.report, "reason": act.reason, "unit": act.unit}
    try:
        return [
            Update(update_id=update_id(act.act_id, case), department=department, case_id=case, status=status, step=step,
                   at=at_ms, **fields)
            for case in dict.fromkeys(act.cases)
        ]  # fmt: skip
    except ValidationError:
        raise HttpProblem(422, "a case, a report or the reason cannot be written like that") from None


def update_id(act_id: str, case_id: str) -> str:
    """Of a case's part of an act."""
    return f"board-{act_id}-{case_id}"[:128]


def audited_acts(act: BoardAct, before: Mapping[str, Any], department: str) -> list[AuditedAct]:
    """One for each case, without the words of its reason."""
    after = {"as": department, "to": act.to, "clock": act.clock, "act": act.act_id, "unit": act.unit}
    said = {name: value for name, value in after.items() if value is not None}
    return [AuditedAct(f"case.{act.event}", case, before.get(case), said) for case in dict.fromkeys(act.cases)]


def standing_of(connection: Connection, cases: Sequence[str]) -> dict[str, dict[str, Any]]:
    """How each of these cases stands in the ledger."""
    columns = CASES_TABLE.c
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(cases), _AT_ONCE):
        rows = connection.execute(
            select(columns.case_id, columns.state, columns.department, columns.helpers, columns.progress, columns.due_at)
            .where(columns.case_id.in_(cases[start : start + _AT_ONCE]))
        )  # fmt: skip
        found |= {row["case_id"]: {k: v for k, v in row.items() if k != "case_id"} for row in rows.mappings()}
    return found


def require_own(standing: Mapping[str, Mapping[str, Any]], cases: Sequence[str], own: str | None) -> None:
    """Raises HttpProblem (404) for cases that are not there, or not of the department `own`."""
    for case in cases:
        row = standing.get(case)
        if row is None or (
            own is not None and own != row["department"] and own not in (row["helpers"] or "").split(", ")
        ):
            raise HttpProblem(404, "one of these cases is not there, or not yours")


class ActOutcome(NamedTuple):
    """How many updates were sent, and what receipts say of them: by outcome, `accepted` for what counts; and why others do not."""

    sent: int
    outcomes: dict[str, int]
    details: list[str]


class ActBook:
    """The last acts, whose effect is looked for. By the trail: any process of the web knows them, also after a restart."""

    def __init__(self, file: AccessFile) -> None:
        self._file = file
        self._acts: OrderedDict[str, tuple[str, tuple[str, ...]]] = OrderedDict()
        """What was found there."""

    def outcome(self, connection: Connection, act_id: str, who: str) -> ActOutcome:
        """Raises HttpProblem: 404 for an act that is not known here, or another's, 503 if the trail cannot be read."""
        whose, cases = self._known(act_id) if re.fullmatch(_ACT_ID, act_id) else ("", ())
        if not cases or whose != who:
            raise HttpProblem(404, "this act is not known here; the story of each case has it")
        return _outcome(connection, act_id, cases)

    def _known(self, act_id: str) -> tuple[str, tuple[str, ...]]:
        found = self._acts.get(act_id)
        if found is None:
            try:
                entries = [entry for entry in last_entries(self._file, act_id) if _is_of(entry, act_id)]
            except FatalError:
                raise not_now("the audit trail cannot be read") from None
            found = entries[0].who if entries else "", tuple(dict.fromkeys(entry.act.subject for entry in entries))
            if entries:  # all of an act are noted at once
                self._acts[act_id] = found
            while len(self._acts) > _REMEMBERED:
                self._acts.popitem(last=False)
        return found


def _is_of(entry: TrailEntry, act_id: str) -> bool:
    return isinstance(entry.act.after, dict) and entry.act.after.get("act") == act_id


def _outcome(connection: Connection, act_id: str, cases: Sequence[str]) -> ActOutcome:
    """A receipt that says `repeat` is of what was sent again, and one that says `waiting` is followed by another."""
    columns = RECEIPTS_TABLE.c
    ends: dict[str, tuple[str, str | None]] = {}
    for start in range(0, len(cases), _AT_ONCE):
        some = cases[start : start + _AT_ONCE]
        rows = connection.execute(
            select(columns.case_id, columns.outcome, columns.detail)
            .where(columns.case_id.in_(some), columns.update_id.in_([update_id(act_id, case) for case in some]))
            .order_by(columns.decided_at, columns.kafka_offset)
        )
        for case, outcome, detail in rows:
            if outcome != "repeat" and ends.get(case, ("",))[0] != _TAKEN:
                ends[case] = outcome, detail
    details = dict.fromkeys(detail for outcome, detail in ends.values() if outcome != _TAKEN and detail)
    return ActOutcome(len(cases), dict(Counter(outcome for outcome, _ in ends.values())), list(details)[:5])

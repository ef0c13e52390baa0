"""A made-up run of a hub as tables: right in every column, to be broken by the tests one record at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from hub.audit.identity import NOWHERE, Identities
from hub.audit.tables import HERE, KEPT, ORIGIN, Tables
from hub.model.ids import case_id, derived_id

Row = dict[str, Any]
T0 = 1_767_000_000_000
HOUR = 3_600_000
_BOOLS = {"revision_counted", "over", "corrects", "reopens", "unlinks"}
_LISTS = {"co_handlers"}
_INSTANTS = {"pauses"}
_NUMBERS = {
    HERE,
    ORIGIN,
    "revision",
    "moves",
    "at",
    "due_at",
    "reports",
    "until",
    "opened_at",
    "issued_at",
    "started_at",
    "noticed_at",
    "moved_to",
}


@dataclass
class MadeUpRun:
    """Says what happens; `tables` is what a hub would then have written. All in partition 0."""

    identities: Identities = field(default_factory=Identities)
    inputs: dict[str, list[int]] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in KEPT})
    reached: dict[str, dict[tuple[str, int], int]] = field(default_factory=dict)
    begins: dict[tuple[str, int], int] = field(default_factory=dict)
    cut: dict[tuple[str, int], int] = field(default_factory=dict)
    since: dict[tuple[str, int], int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    sequence: list[str] = field(default_factory=list)
    """Topics, in the order in which they got their records."""

    def place(self, topic: str) -> int:
        """The identity of one more record in a topic."""
        self.ends[topic] = self.ends.get(topic, 0) + 1
        self.sequence.append(topic)
        return self.identity(topic, self.ends[topic] - 1)

    def identity(self, topic: str, offset: int) -> int:
        """Of a record in partition 0."""
        return int(self.identities.pack(topic, [0], [offset])[0])

    def arrive(self, topic: str) -> int:
        here = self.place(topic)
        self.inputs.setdefault(topic, []).append(here)
        return here

    def add(self, table: str, topic: str, **fields: Any) -> Row:
        row = {HERE: self.place(topic), **fields}
        self.rows[table].append(row)
        return row

    # -- what may happen -----------------------------------------------------------------------------------------------

    def event(self, source: str, ref: str, revision: int = 0) -> int:
        """An event comes in and is admitted."""
        origin = self.arrive(f"city.{source}.events")
        said = {"source": source, "source_ref": ref, "revision": revision, "revision_counted": True}
        self.add("events", "hub.events", origin=origin, **said)
        return origin

    def change(
        self, origin: int, case: str, change: str, source: str, ref: str, *,
        lead: tuple[str, str] | None = None, department: str = "roads", revision: int = 0, over: bool = False,
        at: int = T0, rule: str = "road", unlinks: bool = False,
    ) -> Row:  # fmt: skip
        lead = lead or (source, ref)
        joined = [row["case_id"] for row in self.rows["cases"] if row["change"] in ("OPENED", "LINKED")]
        left = [row["case_id"] for row in self.rows["cases"] if row["unlinks"]]
        return self.add(
            "cases", "hub.cases", origin=origin, case_id=case, change=change, at=at, source=source, source_ref=ref,
            revision=revision, lead_source=lead[0], lead_ref=lead[1], department=department, rule=rule, over=over,
            reopens=False, unlinks=unlinks, co_handlers=[], moves=0, unit=None,
            opened_at=T0 - HOUR,
            reports=joined.count(case) + (change in ("OPENED", "LINKED")) - left.count(case) - unlinks,
        )  # fmt: skip

    def order(self, kind: str, row: Row) -> None:
        cause = (row["change"], row["source"], row["source_ref"], str(row["revision"]), str(row["at"]))
        order = derived_id("O", row["case_id"], row["department"], kind, *cause)
        topic = f"dept.{row['department']}.orders"
        self.add(
            "orders",
            topic,
            order_id=order,
            kind=kind,
            case_id=row["case_id"],
            department=row["department"],
            issued_at=row["at"],
            rule="row",
        )

    def opens(self, source: str, ref: str, *, over: bool = False) -> str:
        case = case_id(source, ref)
        row = self.change(self.event(source, ref), case, "OPENED", source, ref, over=over)
        if not over:
            self.order("ASSIGN", row)
        return case

    def links(self, case: str, lead: tuple[str, str], source: str, ref: str) -> None:
        row = self.change(self.event(source, ref), case, "LINKED", source, ref, lead=lead)
        self.order("LINK", row)

    def unlinks(self, case: str, lead: tuple[str, str], source: str, ref: str) -> str:
        """A report leaves a case and opens its own."""
        self.change(NOWHERE, case, "AMENDED", source, ref, lead=lead, unlinks=True)
        own = case_id(source, ref)
        self.order("ASSIGN", self.change(NOWHERE, own, "OPENED", source, ref))
        return own

    def repeats(self, source: str, ref: str, revision: int = 0, moved_to: int | None = None) -> None:
        origin = self.arrive(f"city.{source}.events")
        self.add(
            "repeats", "hub.repeats", origin=origin, source=source, source_ref=ref, revision=revision, moved_to=moved_to
        )

    def letter(self, stage: str, reason: str, origin: int, until: int | None = None) -> None:
        self.add("dead", "hub.dead", origin=origin, stage=stage, reason=reason, until=until)
        if until is None and origin != NOWHERE and self.identities.topic(origin).startswith("dept."):
            self.receipt(origin, reason)

    def update(
        self, department: str, update: str, case: str, status: str = "RESPONDED", *, applied: bool = True
    ) -> int:
        origin = self.arrive(f"dept.{department}.updates")
        self.add(
            "updates", "hub.updates", origin=origin, update_id=update, revision=0, department=department, case_id=case,
            status=status, at=T0,
            step="AS_STATUS", code=None, until=None,
        )  # fmt: skip
        if applied:
            self.receipt(origin, "accepted")
        return origin

    def receipt(self, origin: int, outcome: str) -> None:
        """What becomes of an update is told; what was made up before is forgotten."""
        self.rows["receipts"] = [row for row in self.rows["receipts"] if row[ORIGIN] != origin]
        topic = self.identities.topic(origin).replace(".updates", ".receipts")
        self.add("receipts", topic, origin=origin, outcome=outcome)

    def reply(self, case: str, update: str, source: str, ref: str, department: str = "roads") -> None:
        reply = derived_id("R", case, department, update, source, ref)
        topic = f"city.{source}.replies"
        self.add("replies", topic, reply_id=reply, source=source, source_ref=ref, case_id=case, at=T0)

    def ring(
        self,
        case: str,
        clock: str,
        kind: str,
        *,
        at: int = T0,
        due: int = T0,
        corrects: bool = False,
        started: int = T0 - HOUR,
    ) -> None:
        policy = f"{clock}.default"
        self.add(
            "deadlines", "hub.deadlines", case_id=case, clock=clock, kind=kind, department="roads", policy=policy,
            started_at=started, due_at=due, at=at, noticed_at=T0 + HOUR, corrects=corrects, pauses=[],
        )  # fmt: skip
        if kind in ("WARNED", "BREACHED"):
            order = derived_id("O", case, "roads", kind, clock, policy, str(due))
            self.add(
                "orders",
                "dept.roads.orders",
                order_id=order,
                kind="REMIND",
                case_id=case,
                department="roads",
                issued_at=at,
                rule=policy,
            )

    # -- what it comes to ------------------------------------------------------------------------------------------------

    def tables(self) -> Tables:
        return Tables(
            self.identities,
            {topic: np.array(found, dtype=np.int64) for topic, found in self.inputs.items()},
            **{name: self._table(name) for name in KEPT},
            begins=self.begins,
            reached=self.reached,
            cut=self.cut,
            since=self.since,
        )

    def _table(self, name: str) -> pa.Table:
        names = [HERE, *([ORIGIN] if KEPT[name].origin else []), *KEPT[name].keep]
        return pa.table({each: pa.array([row[each] for row in self.rows[name]], _type(each)) for each in names})


def _type(name: str) -> pa.DataType:
    if name in _INSTANTS:
        return pa.list_(pa.int64())
    if name in _LISTS:
        return pa.list_(pa.string())
    return pa.int64() if name in _NUMBERS else pa.bool_() if name in _BOOLS else pa.string()


def good_run() -> MadeUpRun:
    """Of everything there is one: cases, a link, repeats, dead letters, updates with replies, clocks, a rerouting."""
    run = MadeUpRun()
    lead = ("hotline", "H1")
    case = run.opens(*lead)
    run.links(case, lead, "police", "P1")
    run.repeats("hotline", "H1")
    run.change(run.event("hotline", "H1", 1), case, "AMENDED", *lead, revision=1)
    run.letter("deduplicate", "undecodable", run.arrive("city.police.events"))
    run.letter("connector:police", "bad_row", NOWHERE)
    run.opens("petition", "T1", over=True)
    other = run.opens("petition", "T2")
    run.update("roads", "U0", other, "REFUSED")
    run.order("ASSIGN", run.change(NOWHERE, other, "REROUTED", "petition", "T2", department="desk", rule="refused"))
    run.add("closures", "hub.closures", case_id=other, outcome="REFUSED", department="roads", at=T0)
    run.update("roads", "U1", case)
    for report in (lead, ("police", "P1")):
        run.reply(case, "U1", *report)
    run.letter("track", "unknown_case", run.update("roads", "U2", "C-NONE"))
    unread = run.event("police", "P9")
    run.letter("route", "undecodable", run.rows["events"][-1][HERE])
    assert unread
    run.ring(case, "accept", "WARNED", at=T0 - 5)
    run.ring(case, "accept", "BREACHED")
    run.ring(case, "accept", "MET", at=T0 - 9, corrects=True)
    run.ring(case, "resolve", "MET", at=T0 - 1)
    run.ring(other, "resolve", "ENDED_LATE", at=T0 + 1)
    return run

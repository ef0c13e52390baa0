"""An audit of a hub at work: topics end at different moments, and nothing that fits together is held against it."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hub.audit.identity import Ids
from hub.audit.run import judge_tables
from hub.audit.tables import HERE
from tests.unit.audit.checks.test_audit_judgement import said
from tests.unit.audit.made_up import T0, MadeUpRun

Marks = list[int]
"""How many records there were after each thing that happened, which is one transaction or several."""
LEAD = ("hotline", "H0")


def busy_run(things: list[str]) -> tuple[MadeUpRun, Marks]:
    """A case to which all sorts of things happen, and other cases beside it."""
    run, marks = MadeUpRun(), list[int]()
    case, reports, updates = run.opens(*LEAD), [LEAD], list[str]()
    for number, thing in enumerate(things):
        marks.append(len(run.sequence))
        ref = f"R{number}"
        if thing == "open":
            run.opens("petition", ref)
        elif thing == "link":
            run.links(case, LEAD, "police", ref)
            reports.append(("police", ref))
            for update in updates:
                run.reply(case, update, "police", ref)
        elif thing == "repeat":
            run.repeats(*LEAD)
        elif thing == "reject":
            run.letter("deduplicate", "undecodable", run.arrive("city.police.events"))
        elif thing == "update":
            run.update("roads", ref, case)
            updates.append(ref)
            for report in reports:
                run.reply(case, ref, *report)
        elif thing == "forbidden":
            run.letter("track", "unknown_case", run.update("roads", ref, "C-NONE"))
        else:
            run.ring(case, f"clock{number}", "BREACHED", at=T0, due=T0)
    marks.append(len(run.sequence))
    return run, marks


def ends_at(run: MadeUpRun, records: int) -> Counter[str]:
    """How long each topic is when there are so many records in all."""
    return Counter(run.sequence[:records])


def read(run: MadeUpRun, came: Counter[str], first: Counter[str], last: Counter[str]) -> MadeUpRun:
    """As a reader has it: agents had come as far as `came`, topics ended at `first`, and then at `last`."""
    seen = MadeUpRun(run.identities, sequence=run.sequence)
    places = [(topic, 0) for topic in set(run.sequence)]
    seen.cut = {place: first[place[0]] for place in places}
    seen.reached = {agent: {place: came[place[0]] for place in places} for agent in ("deduplicate", "route", "track")}

    def there(ids: Ids) -> Ids:
        kept = [last[run.identities.topic(each)] for each in ids.tolist()]
        return ids[run.identities.offsets(ids) < np.array(kept, np.int64)]

    seen.inputs = {topic: there(np.array(ids, np.int64)).tolist() for topic, ids in run.inputs.items()}
    for name, rows in run.rows.items():
        kept = set(there(np.array([row[HERE] for row in rows], np.int64)).tolist())
        seen.rows[name] = [row for row in rows if row[HERE] in kept]
    return seen


things = st.lists(
    st.sampled_from(["open", "link", "repeat", "reject", "update", "forbidden", "ring"]), min_size=1, max_size=12
)


@given(things, st.data())
def test_a_hub_at_work_is_not_accused(things: list[str], data: st.DataObject) -> None:
    run, marks = busy_run(things)
    came = data.draw(st.sampled_from(marks), label="what was done when the agents were asked how far they had come")

    def ragged(since: int) -> Counter[str]:
        """Each topic ends at a moment of its own after that."""
        whole = len(run.sequence)
        return Counter(
            {topic: ends_at(run, data.draw(st.integers(since, whole)))[topic] for topic in sorted(set(run.sequence))}
        )

    first = ragged(came)
    reached = max(
        (index + 1 for index, topic in enumerate(run.sequence) if ends_at(run, index)[topic] < first[topic]), default=0
    )
    over = min(mark for mark in marks if mark >= reached)
    """Every transaction of which something was read is over."""
    seen = read(run, ends_at(run, came), first, ragged(over))
    report = judge_tables(seen.tables())
    assert {what: count for what, count in said(report).items() if not what.startswith("not read yet")} == {}
    assert report.good_so_far


@given(things, st.data())
def test_what_is_missing_is_missed_also_while_the_hub_works(things: list[str], data: st.DataObject) -> None:
    run, _ = busy_run(["link", "update", *things])
    table = data.draw(st.sampled_from(["orders", "replies", "cases", "events"]))
    del run.rows[table][data.draw(st.integers(0, len(run.rows[table]) - 1))]
    now = ends_at(run, len(run.sequence))
    assert not judge_tables(read(run, now, now, now).tables()).good_so_far

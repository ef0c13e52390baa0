"""The account by identity: every record that came in has exactly one outcome. Joins of arrays; no I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub.audit.checks.gaps import gaps_of, one_by_one
from hub.audit.identity import NOWHERE, Ids, occurrences
from hub.audit.tables import HERE, ORIGIN, Tables, due, too_old

DEDUPLICATE, ROUTE, TRACK = "deduplicate", "route", "track"


@dataclass(frozen=True)
class Account:
    """Packed identities of records that came in, each once."""

    outcomes: Counter[str]
    lost: Ids
    waiting: Ids
    doubled: Ids
    strays: Ids
    """Named as the origin of some outcome, but nothing is there."""
    unread: Ids
    """The hub's own records (case changes, closures) that an agent could not read."""


def ids(table: pa.Table, name: str = HERE) -> Ids:
    """A column of packed identities."""
    found: Ids = table.column(name).to_numpy()
    return found


def take_account(tables: Tables) -> Account:
    """Follow every record that came in to its outcome.

    A record of city.*.events or dept.*.updates is a dead letter of `deduplicate`, a repeat, an admitted event or an admitted
    update: one of these, once. An admitted event is one change in hub.cases or a dead letter of `route`. An admitted update is
    one dead letter of `track`, or was applied, which its receipt says; else it waits for its case. What lies within a gap of
    the agent that was to read it is passed over: the gap's letter accounts for it. What was read and is too old to be judged, and
    has no outcome, is counted as such: topics keep what came in and what came of it for unequal times.
    """
    everything = np.concatenate([np.zeros(0, np.int64), *tables.inputs.values()])
    letters = {agent: _letters(one_by_one(tables.dead), agent) for agent in (DEDUPLICATE, ROUTE, TRACK)}
    gaps = {agent: gaps_of(tables, agent) for agent in letters}
    unread, given_up = ids(letters[ROUTE], ORIGIN), ids(letters[TRACK], ORIGIN)

    outcomes_of_inputs = (letters[DEDUPLICATE], tables.repeats, tables.events, tables.updates)
    sifted = np.concatenate([ids(table, ORIGIN) for table in outcomes_of_inputs])
    counts = occurrences(everything, sifted)
    missing = everything[counts == 0]
    passed = gaps[DEDUPLICATE].over(missing)
    passed_over, missing = [missing[passed]], missing[~passed]
    read = tables.identities.before(missing, tables.reached.get(DEDUPLICATE, {}))
    old = too_old(tables, missing)
    later = np.concatenate([ids(tables.cases, ORIGIN), unread, given_up])
    expired = [missing[read & old & (occurrences(missing, later) == 0)]]
    lost, waiting, doubled = [missing[read & ~old]], [missing[~read]], [everything[counts > 1]]

    here, origin, single = _admitted(tables.events)
    changes = ids(tables.cases, ORIGIN)
    counts = occurrences(origin, changes) + occurrences(here, unread)
    read = tables.identities.before(here, tables.reached.get(ROUTE, {}))
    passed = (counts == 0) & single & gaps[ROUTE].over(here)
    passed_over.append(origin[passed])
    old = too_old(tables, here)
    expired.append(origin[(counts == 0) & single & read & ~passed & old])
    lost.append(origin[(counts == 0) & single & read & ~passed & ~old])
    waiting.append(origin[(counts == 0) & single & ~read & ~passed])
    doubled.append(origin[(counts > 1) & single])
    strays = [_without(everything, _old(tables, *outcomes_of_inputs)), _without(origin, _old(tables, tables.cases))]

    here, origin, single = _admitted(tables.updates)
    counts = occurrences(origin, given_up) + occurrences(here, given_up)
    told = occurrences(origin, ids(tables.receipts, ORIGIN)) > 0
    passed = (counts == 0) & ~told & gaps[TRACK].over(here)
    passed_over.append(origin[passed])
    old = too_old(tables, here)
    expired.append(origin[(counts == 0) & ~told & ~passed & old])
    waiting.append(origin[(counts == 0) & ~told & ~passed & ~old])
    doubled.append(origin[(counts > 1) & single])

    lettered = _old(tables, letters[ROUTE], letters[TRACK])
    known = np.concatenate([ids(tables.events), ids(tables.updates), origin, [NOWHERE]])
    outcomes = _outcomes(tables, letters, applied=int(((counts == 0) & told).sum()))
    outcomes["passed over 未读跳过"] = sum(map(len, passed_over))
    outcomes["too old to be judged 已过期不可考"] = sum(map(len, expired))
    return Account(
        outcomes=+outcomes,
        lost=np.unique(np.concatenate(lost)),
        waiting=np.unique(np.concatenate(waiting)),
        doubled=np.unique(np.concatenate(doubled)),
        strays=_present(tables, np.unique(np.concatenate(strays))),
        unread=np.unique(_without(known, lettered)),
    )


def _old(tables: Tables, *some: pa.Table) -> Ids:
    """The origins of what lay there when reading began: what they name must have been read."""
    return np.concatenate([ids(table, ORIGIN)[due(tables, table)] for table in some])


def _without(causes: Ids, named: Ids) -> Ids:
    found: Ids = named[occurrences(named, causes) == 0]
    return found


def _admitted(table: pa.Table) -> tuple[Ids, Ids, npt.NDArray[np.bool_]]:
    """Own identity and origin of each, and whether it is the only one of its origin: else it is doubled already."""
    origin = ids(table, ORIGIN)
    return ids(table), origin, occurrences(origin, origin) == 1


def _present(tables: Tables, strays: Ids) -> Ids:
    """Without those whose topic now begins after them: they came in, and have expired there."""
    strays = strays[strays != NOWHERE]
    unknown = dict.fromkeys(tables.begins, 0)
    expired = tables.identities.before(strays, tables.begins) & ~tables.identities.before(strays, unknown)
    return strays[~expired]


def _letters(dead: pa.Table, agent: str) -> pa.Table:
    return dead.filter(pc.equal(dead.column("stage"), agent))


def _outcomes(tables: Tables, letters: dict[str, pa.Table], applied: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for agent, table in letters.items():
        for reason in pc.value_counts(table.column("reason")).to_pylist():
            found[f"dead letter 死信 {agent}/{reason['values']}"] += reason["counts"]
    moved = len(tables.repeats) - tables.repeats.column("moved_to").null_count
    found["repeat 重复"] = len(tables.repeats) - moved
    found["moved to its partition 移至所属分区"] = moved
    accounting = tables.cases.filter(pc.not_equal(tables.cases.column(ORIGIN), NOWHERE))
    for change in pc.value_counts(accounting.column("change")).to_pylist():
        found[f"case 案件 {change['values'].lower()}"] += change["counts"]
    found["update applied 反馈"] = applied
    return found

"""Whether departments were told what became of their updates: one receipt for each, which says what happened. No I/O."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub.audit.checks.accounts import DEDUPLICATE, TRACK, ids
from hub.audit.checks.gaps import one_by_one
from hub.audit.identity import Ids, occurrences
from hub.audit.report import SHOWN, Finding
from hub.audit.tables import HERE, ORIGIN, Tables, due

_WANTED, _DUE = "wanted", "due"


def check_receipts(tables: Tables) -> Iterator[Finding]:
    """Each update that was set aside or had come before has exactly one receipt, and each receipt says what the topics say. An
    update that was admitted counts as applied only by its receipt; see `take_account`."""
    told = ids(tables.receipts, ORIGIN)
    known = _known(tables)
    decided = ids(known.filter(known.column(_DUE)), ORIGIN)
    yield _finding(tables, "updates without a receipt 缺少回执", decided[occurrences(decided, told) == 0])
    yield _finding(tables, "updates with several receipts 重复回执", np.unique(told[occurrences(told, told) > 1]))
    old = tables.receipts.filter(pa.array(due(tables, tables.receipts)))
    both = old.select([HERE, ORIGIN, "outcome"]).join(known, ORIGIN, join_type="left outer")
    agrees = pc.fill_null(pc.equal(both.column("outcome"), both.column(_WANTED)), False)
    yield _finding(tables, "receipts that say otherwise 回执不符", ids(both.filter(pc.invert(agrees))))


def _known(tables: Tables) -> pa.Table:
    """Of each update that came in, by its origin, the outcome that its receipt should name, and whether it must be there."""
    dead = one_by_one(tables.dead)
    letters = dead.filter(pc.is_in(dead.column("stage"), pa.array([DEDUPLICATE, TRACK])))
    # what was moved to its own partition is answered there
    repeats = tables.repeats.filter(pc.is_null(tables.repeats.column("moved_to")))
    admitted = ids(tables.updates, ORIGIN)
    applied = np.unique(admitted[occurrences(admitted, ids(letters, ORIGIN)) == 0])
    origins = np.concatenate([ids(letters, ORIGIN), ids(repeats, ORIGIN), applied])
    wanted = [*letters.column("reason").to_pylist(), *["repeat"] * len(repeats), *["accepted"] * len(applied)]
    are_due = np.concatenate([due(tables, letters), due(tables, repeats), np.zeros(len(applied), dtype=np.bool_)])
    columns = {ORIGIN: pa.array(origins), _WANTED: pa.array(wanted, pa.string()), _DUE: pa.array(are_due)}
    return pa.table(columns).filter(pa.array(occurrences(origins, _inputs(tables)) > 0))


def _inputs(tables: Tables) -> Ids:
    some = [found for topic, found in tables.inputs.items() if topic.startswith("dept.")]
    return np.concatenate([np.zeros(0, np.int64), *some])


def _finding(tables: Tables, what: str, ids: Ids) -> Finding:
    return Finding.of(what, map(tables.identities.show, ids[:SHOWN].tolist()), len(ids))

"""What agents did not read: the letters in hub.dead that stand for a stretch of a partition. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub.audit.identity import OFFSETS, Ids
from hub.audit.report import SHOWN, Finding
from hub.audit.tables import ORIGIN, Tables
from hub.errors import Reason

_LOSSES = (
    (Reason.GAP, "gone before they were read, at most so many 未读已删"),
    (Reason.UNREADABLE, "in batches that cannot be unpacked 无法解压"),
    (Reason.MOVED_BACK, "topics made anew or cut, what was lost there nobody knows 主题回退"),
)


@dataclass(frozen=True)
class Gaps:
    """Stretches as pairs of packed identities: the first that was not read, and the next that was."""

    begins: Ids
    ends: Ids

    def over(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """Which of these records lie within a gap."""
        found = np.zeros(len(ids), dtype=bool)
        for begin, end in zip(self.begins.tolist(), self.ends.tolist(), strict=True):  # a handful in a hub's life
            found |= (ids >= begin) & (ids < end)
        return found


def one_by_one(dead: pa.Table) -> pa.Table:
    """The letters that stand for one record each."""
    return dead.filter(pc.is_null(dead.column("until")))


def gaps_of(tables: Tables, agent: str) -> Gaps:
    """What this agent did not read."""
    return _stretches(tables, pc.equal(tables.dead.column("stage"), agent))


def losses(tables: Tables) -> Iterator[Finding]:
    """What was lost before anybody read it, by kind; the letters that say so are named by where reading was to go on."""
    reasons = tables.dead.column("reason")
    for reason, what in _LOSSES:
        gaps = _stretches(tables, pc.equal(reasons, str(reason)))
        sizes = gaps.ends - gaps.begins
        count = len(sizes) if reason is Reason.MOVED_BACK else int(sizes.sum())
        yield Finding.of(what, map(tables.identities.show, gaps.begins[:SHOWN].tolist()), count)


def _stretches(tables: Tables, chosen: pa.ChunkedArray) -> Gaps:
    letters = tables.dead.filter(pc.and_(chosen, pc.is_valid(tables.dead.column("until"))))
    begins: Ids = letters.column(ORIGIN).to_numpy()
    until: Ids = np.minimum(letters.column("until").to_numpy().astype(np.int64), OFFSETS)
    return Gaps(begins, begins + np.maximum(until - tables.identities.offsets(begins), 0))


def read_by(tables: Tables, agent: str, ids: Ids) -> npt.NDArray[np.bool_]:
    """Which of these records the agent has read."""
    reached = tables.identities.before(ids, tables.reached.get(agent, {}))
    return reached & ~gaps_of(tables, agent).over(ids)

"""Which dead letters there are, by the ledger: all but their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select
from starlette.datastructures import QueryParams

from hub.inspect.letters import Letter
from hub.inspect.mending.dealt import Dealt, LetterState
from hub.inspect.mending.groups import grouped, sender_of
from hub.ledger.tables import DEAD_LETTERS_TABLE
from hub.web.bodies import HttpProblem

MOST_LETTERS = 20_000
"""The newest so many are looked at here; `cityhub dead` looks at all."""
SHOWN_LETTERS = 100
_COLUMNS = DEAD_LETTERS_TABLE.c
_EVERY_STATE = "all"


class LetterFilter(NamedTuple):
    """What letters have in common; None: whatever."""

    reason: str | None = None
    stage: str | None = None
    sender: str | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether it is one of these."""
        wanted = zip(self, (letter.reason, letter.stage, sender_of(letter)), strict=True)
        return all(asked in (None, had) for asked, had in wanted)


def letters_in(connection: Connection) -> list[Letter]:
    """The newest first. They have no bytes, and do not know whether they were cut short."""
    statement = select(DEAD_LETTERS_TABLE).order_by(
        _COLUMNS.happened_at.desc(), _COLUMNS.kafka_partition, _COLUMNS.kafka_offset.desc()
    )
    return [_letter(row) for row in connection.execute(statement.limit(MOST_LETTERS)).mappings()]


def _letter(row: Mapping[Any, Any]) -> Letter:
    origin = {"topic": row["origin_topic"], "partition": row["origin_partition"], "offset": row["origin_offset"]}
    content = {
        "stage": row["stage"], "reason": row["reason"], "detail": row["detail"] or "", "at": row["happened_at"],
        "origin": None if row["origin_topic"] is None else origin, "until": row["until_offset"],
        "file": row["file"], "line": row["line"], "key": None, "value": None,
    }  # fmt: skip
    return Letter(f"{row['kafka_partition']}:{row['kafka_offset']}", content)


def filter_in(asked: QueryParams) -> LetterFilter:
    """That of an address."""
    return LetterFilter(*(asked.get(name) or None for name in LetterFilter._fields))


def letters_document(
    connection: Connection, asked: QueryParams, dealt: Dealt, owners: Mapping[str, str], now_ms: int
) -> dict[str, Any]:
    """All groups, and the newest letters of those that are asked for. Raises HttpProblem (400) for what is no state."""
    state = asked.get("state") or LetterState.OPEN.value
    if state != _EVERY_STATE and state not in set(LetterState):
        raise HttpProblem(400, f"state is one of {', '.join(LetterState)}, {_EVERY_STATE}")
    letters, wanted = letters_in(connection), filter_in(asked)
    chosen = [each for each in letters if wanted.takes(each) and state in (_EVERY_STATE, dealt.state(each))]
    there = connection.execute(select(func.count()).select_from(DEAD_LETTERS_TABLE)).scalar_one()
    return {
        "now": now_ms, "there": int(there), "looked_at": len(letters), "total": len(chosen),
        "groups": [group._asdict() for group in grouped(letters, dealt, owners)],
        "letters": [letter_line(each, dealt) for each in chosen[:SHOWN_LETTERS]],
    }  # fmt: skip


def letter_line(letter: Letter, dealt: Dealt) -> dict[str, Any]:
    """What a list says of one."""
    return {
        "id": letter.id, "at": letter.letter["at"], "stage": letter.stage, "reason": letter.reason,
        "sender": sender_of(letter), "detail": letter.letter["detail"], "place": letter.place, "state": dealt.state(letter).value,
    }  # fmt: skip

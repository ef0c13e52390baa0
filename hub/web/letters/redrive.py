"""Letters that go back to where they came from: slowly, not in circles, and told by the trail a batch at a time.

A batch is in the trail before it is sent, under the id of its redrive, and whoever runs one looks there before each: so any process
of the web says how far it is and may stop it, and what was sent meanwhile elsewhere is not sent again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from hub.errors import RetriableError
from hub.inspect.mending.dealt import REDRIVE_BEGUN, REDRIVE_ENDED, RESEND, Dealt
from hub.inspect.mending.redrive import CANNOT, IS_CLOSED, SAME, TOO_OFTEN, WAS_SENT, Resent, plan_redrive
from hub.settings import Settings
from hub.web.access.chain import AuditedAct
from hub.web.access.guard import Access
from hub.web.intake import Intake, NotTakenError, Outgoing
from hub.web.letters.deeds import DeedBook, deed_act

WHY_CODES = {CANNOT: "cannot", WAS_SENT: "sent", IS_CLOSED: "closed", SAME: "same", TOO_OFTEN: "often"}
"""Why letters are left, as the page's texts are named."""
_GONE_MS = 60_000
_PAUSE_SECONDS = 1.0


class RedriveStanding(NamedTuple):
    """The last redrive by the trail. `how`: running, done, stopped, failed, or gone with the process that ran it. Times in ms."""

    id: str
    who: str
    began_ms: int
    letters: int
    sent: int
    how: str


class Redrive:
    """One, from `run`'s beginning to its end. `pause` waits for seconds."""

    def __init__(
        self, settings: Settings, access: Access, intake: Intake, book: DeedBook, who: str, rate: int, named: bool, again: bool,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self.id = f"redrive {secrets.token_hex(8)}"
        self._settings, self._access, self._intake, self._book = settings, access, intake, book
        self._who, self._rate, self._named, self._again, self._pause = who, rate, named, again, pause

    async def begin(self, letters: int) -> None:
        """It is in the trail. Raises HttpProblem (503) if that cannot be written."""
        await self._tell(REDRIVE_BEGUN, {"letters": letters, "rate": self._rate})

    async def run(self, sent: Sequence[Resent]) -> None:
        """All of them, a second's worth at a time."""
        how: str | None = "stopped"  # if this process is
        try:
            how = await self._run(sent)
        except (NotTakenError, RetriableError):
            how = "failed"
        finally:
            if how is not None:
                await self._tell(REDRIVE_ENDED, {"how": how})

    async def _run(self, sent: Sequence[Resent]) -> str | None:
        """None if somebody has stopped it, who has said so."""
        for start in range(0, len(sent), self._rate):
            if start:
                await self._pause(_PAUSE_SECONDS)
            dealt = await asyncio.to_thread(self._book.dealt)
            if dealt.redrives[self.id].how is not None:
                return None
            await self._send(sent[start : start + self._rate], dealt)
        return "done"

    async def _send(self, batch: Sequence[Resent], dealt: Dealt) -> None:
        plan = plan_redrive((each.letter for each in batch), dealt, named=self._named, again=self._again)
        if not plan.sent:
            return
        told = [
            deed_act(
                self._settings, RESEND, each.letter, {"topic": each.topic, "bytes": each.digest, "redrive": self.id}
            )
            for each in plan.sent
        ]
        async with self._access.acting(self._who, told):
            await self._intake.put([
                Outgoing(each.topic, each.letter.letter["key"], each.letter.letter["value"]) for each in plan.sent
            ])  # fmt: skip

    async def _tell(self, name: str, after: dict[str, Any]) -> None:
        await self._access.note(self._who, [AuditedAct(name, self.id, None, after)])


def standing_of_last(dealt: Dealt, now_ms: int) -> RedriveStanding | None:
    """None if there was none."""
    if not dealt.redrives:
        return None
    name, tale = next(reversed(dealt.redrives.items()))
    how = tale.how or ("running" if now_ms - tale.said_ms < _GONE_MS else "gone")
    begun = tale.begun
    return RedriveStanding(name, begun.who, begun.at_ms, int(begun.after["letters"]), tale.sent, how)


def left_by_code(left: Counter[str]) -> dict[str, int]:
    return {WHY_CODES[why]: count for why, count in left.most_common()}

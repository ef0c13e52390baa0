"""Dead letters as calls of the board's pages, for operators alone: each act is in the trail before it is done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import wall_ms
from hub.errors import FatalError, HubError, RetriableError
from hub.inspect.letters import Letter
from hub.inspect.mending.contents import contents_of, most_ahead_ms
from hub.inspect.mending.dealt import CLOSE, REDRIVE_ENDED, REOPEN, RESEND, Dealt, LetterState
from hub.inspect.mending.redrive import RedrivePlan, coming_back, plan_redrive
from hub.sdk.manifest import discover
from hub.settings import Settings
from hub.web.access.accounts import OPERATING
from hub.web.access.chain import AuditedAct
from hub.web.access.routes import GuardedRoute
from hub.web.access.sessions import WebSession
from hub.web.bodies import HttpProblem, body_of, json_answer, not_now
from hub.web.front import Front
from hub.web.intake import NotTakenError
from hub.web.letters import asked
from hub.web.letters.deeds import DeedBook, deed_act
from hub.web.letters.mending import MendedLetter, mended_letter, require_sound
from hub.web.letters.redrive import Redrive, left_by_code, standing_of_last
from hub.web.letters.source import LetterSource
from hub.web.letters.there import letters_document, letters_in
from hub.web.letters.whole import clocks_of_letter, letter_document

log = logging.getLogger(__name__)
LedgerAsker = Callable[[Callable[[Connection, int], Any]], Awaitable[Any]]
"""Asks the ledger something, with a connection and the time in ms."""
_MOST_HEADER_CHARS = 20_000


class LetterRoutes:
    """Over one front; `in_ledger` asks the board's ledger, `source` has the letters whole."""

    def __init__(self, settings: Settings, front: Front, in_ledger: LedgerAsker, source: LetterSource) -> None:
        self._settings, self._front, self._in_ledger, self._source = settings, front, in_ledger, source
        self._access = front.access
        self._book = DeedBook(front.access.file, settings)
        self._tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[GuardedRoute]:
        call = self._access.call
        get, post = partial(call, "GET"), partial(call, "POST")
        return [
            get("/board/letters/list", self._list, OPERATING),
            post("/board/letters/close", partial(self._deal, CLOSE), OPERATING),
            post("/board/letters/reopen", partial(self._deal, REOPEN), OPERATING),
            post("/board/letters/redrive", self._redrive, OPERATING),
            post("/board/letters/redrive/stop", self._stop, OPERATING),
            get("/board/letters/{letter_id}", self._show, OPERATING),
            post("/board/letters/{letter_id}/check", self._check, OPERATING),
            post("/board/letters/{letter_id}/send", self._send, OPERATING),
        ]

    # -- what there is -----------------------------------------------------------------------------------------------------

    async def _list(self, request: Request, session: WebSession) -> Response:
        del session
        dealt, owners = await self._dealt(), self._owners()
        document = await self._in_ledger(
            lambda connection, _: letters_document(connection, request.query_params, dealt, owners, wall_ms())
        )
        standing = standing_of_last(dealt, wall_ms())
        return json_answer(document | {"redrive": standing and standing._asdict()})

    async def _show(self, request: Request, session: WebSession) -> Response:
        del session
        header = (request.query_params.get("header") or "")[:_MOST_HEADER_CHARS] or None
        letter, dealt = await self._letter(request), await self._dealt()
        codec = self._front.codec
        return json_answer(
            await self._in_ledger(lambda connection, _: letter_document(connection, letter, dealt, codec, header))
        )

    def _owners(self) -> dict[str, str]:
        return {name: manifest.owner.both for name, manifest in discover().items()}

    async def _dealt(self) -> Dealt:
        """Raises HttpProblem (503) if the trail cannot be read."""
        try:
            return await asyncio.to_thread(self._book.dealt)
        except FatalError as error:
            log.error("%s", error)  # noqa: TRY400 - it says all
            raise not_now("the audit trail cannot be read, so nobody knows what was done") from None

    async def _letter(self, request: Request) -> Letter:
        found, _ = await self._whole([request.path_params["letter_id"]])
        if not found:
            raise HttpProblem(404, "hub.dead has no such letter, or none any more 死信不存在或已过保存期")
        return found[0]

    async def _whole(self, ids: Sequence[str]) -> tuple[list[Letter], bool]:
        try:
            return await asyncio.to_thread(self._source.letters, frozenset(ids))
        except HubError as error:
            log.warning("dead letters cannot be read: %s", error)
            raise not_now("hub.dead cannot be read") from None

    async def _chosen(self, choice: asked.LetterChoice) -> list[Letter]:
        """Without their bytes."""
        letters = await self._in_ledger(lambda connection, _: letters_in(connection))
        return asked.chosen_of(letters, choice)

    # -- one is mended -----------------------------------------------------------------------------------------------------

    async def _check(self, request: Request, session: WebSession) -> Response:
        del session
        _, mended = await self._mended(request)
        return json_answer(mended.document())

    async def _send(self, request: Request, session: WebSession) -> Response:
        """Kafka has it when this answers."""
        letter, mended = await self._mended(request)
        require_sound(mended)
        told = [deed_act(self._settings, RESEND, letter, each) for each in mended.audited()]
        async with self._access.acting(session.user.name, told):
            try:
                await self._front.intake.put(mended.outgoing())
            except (NotTakenError, RetriableError):
                raise not_now("Kafka has not said that it has it") from None
        return json_answer({"sent": len(mended.records)}, 202)

    async def _mended(self, request: Request) -> tuple[Letter, MendedLetter]:
        said = asked.asked_in(asked.LetterMended, await body_of(request, asked.MOST_RECORD_BYTES))
        letter, dealt = await self._letter(request), await self._dealt()
        ahead_ms = most_ahead_ms(self._settings)
        return letter, await asyncio.to_thread(
            mended_letter, letter, said, dealt, self._front.codec, wall_ms(), ahead_ms
        )

    # -- many are closed, or go back ---------------------------------------------------------------------------------------

    async def _deal(self, name: str, request: Request, session: WebSession) -> Response:
        said = asked.asked_in(asked.LettersClosed, await body_of(request, asked.MOST_CHOICE_BYTES))
        letters, dealt = await self._chosen(said), await self._dealt()
        wanted = [each for each in letters if (dealt.state(each) is LetterState.CLOSED) is (name == REOPEN)]
        some = wanted[: asked.MOST_CHOSEN]
        await self._access.note(
            session.user.name, [deed_act(self._settings, name, each, {"why": said.why}) for each in some]
        )
        return json_answer({"done": len(some), "left": len(wanted) - len(some)})

    async def _redrive(self, request: Request, session: WebSession) -> Response:
        """Says what is sent and what is left; and, unless it is a dry run, begins."""
        said = asked.asked_in(asked.LettersRedriven, await body_of(request, asked.MOST_CHOICE_BYTES))
        dealt = await self._dealt()
        chosen = await self._chosen(said)
        if not said.letters:
            chosen = [each for each in chosen if said.again or dealt.state(each) is LetterState.OPEN]
        letters, is_cut = await self._whole([each.id for each in chosen[: asked.MOST_CHOSEN]])
        taken = len(letters) if is_cut else asked.MOST_CHOSEN
        plan = plan_redrive(letters, dealt, named=bool(said.letters), again=said.again)
        document = await self._foretold(plan) | {"more": max(0, len(chosen) - taken)}
        if said.dry_run or not plan.sent:
            return json_answer(document)
        await self._begin(said, plan, dealt, session.user.name)
        return json_answer(document, 202)

    async def _foretold(self, plan: RedrivePlan) -> dict[str, Any]:
        codec, ahead_ms = self._front.codec, most_ahead_ms(self._settings)
        back = await asyncio.to_thread(coming_back, codec, plan.sent, wall_ms(), ahead_ms)
        clocks = await self._in_ledger(
            lambda connection, _: sum(
                bool(clocks_of_letter(connection, contents_of(each.letter, codec))) for each in plan.sent
            )
        )
        return {"send": len(plan.sent), "left": left_by_code(plan.left), "back": dict(back), "clocks": clocks}

    async def _begin(self, wanted: asked.LettersRedriven, plan: RedrivePlan, dealt: Dealt, who: str) -> None:
        standing = standing_of_last(dealt, wall_ms())
        if standing is not None and standing.how == "running":
            raise HttpProblem(409, "another redrive is running; wait, or stop it 已有重发正在进行")
        redrive = Redrive(
            self._settings,
            self._access,
            self._front.intake,
            self._book,
            who,
            wanted.rate,
            bool(wanted.letters),
            wanted.again,
        )
        await redrive.begin(len(plan.sent))
        task = asyncio.create_task(redrive.run(plan.sent))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a redrive ended: %s", getattr(error, "detail", error))

    async def _stop(self, request: Request, session: WebSession) -> Response:
        """Whichever process runs it."""
        del request
        standing = standing_of_last(await self._dealt(), wall_ms())
        if standing is None or standing.how != "running":
            raise HttpProblem(409, "no redrive is running 当前没有重发")
        act = AuditedAct(REDRIVE_ENDED, standing.id, None, {"how": "stopped"})
        await self._access.note(session.user.name, [act])
        return json_answer({"stopped": standing.id})

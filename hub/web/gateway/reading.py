"""What a department is told, as pages that may wait for something new, or as a stream of server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.requests import Request

from hub.stream.kafka.standpoint import is_made_anew
from hub.web.bodies import HttpProblem, until_gone
from hub.web.front import Front
from hub.web.read.cursor import KeptCursor, PageCursor, cursor_log, cursor_text, position_of
from hub.web.read.model import DepartmentRecord

MOST_WAIT_SECONDS = 30
STREAM_SECONDS = 900.0
"""A stream is ended after so long; the client comes again with Last-Event-ID, and misses nothing."""
_COMMENT_SECONDS = 15.0
_AT_ONCE = 100


async def page_behind(
    front: Front, request: Request, topic: str, after: PageCursor, limit: int, wait_seconds: float
) -> list[DepartmentRecord]:
    """What comes after a cursor; if that is nothing, it waits for something so long at most, and no longer than its caller."""
    found = await _records_behind(front, topic, after, limit)
    if found or not wait_seconds:
        return found
    page = asyncio.ensure_future(_page_to_come(front, topic, after, limit, wait_seconds))
    gone = asyncio.ensure_future(until_gone(request))
    try:
        await asyncio.wait((page, gone), return_when=asyncio.FIRST_COMPLETED)
        return page.result() if page.done() else []
    finally:
        page.cancel()
        gone.cancel()


async def _page_to_come(
    front: Front, topic: str, after: PageCursor, limit: int, wait_seconds: float
) -> list[DepartmentRecord]:
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_seconds
    with front.news.listening(topic) as event:
        while True:
            event.clear()
            found = await _records_behind(front, topic, after, limit)
            if found or front.news.is_closed or not await _woken(event, until - loop.time()):
                return found


async def events(
    front: Front, topic: str, name: str, after: PageCursor, is_admitted: Callable[[], bool]
) -> AsyncIterator[str]:
    """Server-sent events, with the cursor as id; a comment now and then, so that both ends know that the other is there."""
    until = asyncio.get_running_loop().time() + STREAM_SECONDS
    yield "retry: 2000\n\n"
    with front.news.listening(topic) as event:
        while asyncio.get_running_loop().time() < until and is_admitted():
            event.clear()
            if front.news.is_closed or not front.model.is_ready:
                return
            if found := await _records_behind(front, topic, after, _AT_ONCE):
                after = found[-1].cursor
                log = front.model.topic_id(topic)
                yield "".join(
                    f"id: {cursor_text(each.cursor, log)}\nevent: {name}\ndata: {each.body}\n\n" for each in found
                )
            elif not await _woken(event, _COMMENT_SECONDS):
                yield ":\n\n"


async def _records_behind(front: Front, topic: str, after: PageCursor, limit: int) -> list[DepartmentRecord]:
    """Who is up to date is answered at once; who is further behind waits for the database, and nobody else does."""
    found = front.model.newest_records(topic, after, limit)
    if found is None:
        found = await asyncio.to_thread(front.model.department_records, topic, after, limit)
    return found


def require_known(front: Front, topic: str, after: KeptCursor) -> None:
    """Raises HttpProblem (410) for a cursor of a topic that is no more: it says so, or lies behind all there is in this."""
    if is_made_anew(after.log, cursor_log(front.model.topic_id(topic))):
        raise HttpProblem(410, "the cursor is of a topic that was deleted and made anew since; begin without one")
    end = front.model.end(topic)
    if any(offset > position_of(end, partition) for partition, offset in enumerate(after.offsets)):
        raise HttpProblem(410, "the cursor is ahead of all there is, so the topic was made anew; begin without one")


async def _woken(event: asyncio.Event, seconds: float) -> bool:
    if seconds <= 0:
        return False
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()

"""Clients of the web in a process of their own: `python -m loadtests.calling`. Its first line of input says, as JSON, what to do.

Streams of orders over all departments, and posts of updates to those orders at a steady rate, until its input ends. Then it
prints as JSON how long each post took, and how long after its hub had issued it each order was there, in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter, deque
from typing import Any

import httpx2

_TIMEOUT_SECONDS = 60.0
_AGAIN_SECONDS = 0.5
_MOST_CASES = 10_000


class Clients:
    """`task`: `address`, `tokens` by department, how many `streams`, `rate` of posts, and from when on it counts (`since`)."""

    def __init__(self, task: dict[str, Any]) -> None:
        self._task = task
        self._departments = sorted(task["tokens"])
        self._cases: deque[tuple[str, str]] = deque(maxlen=_MOST_CASES)
        """Department and case of orders that came."""
        self.posts: list[float] = []
        self.streams: list[float] = []
        self.statuses: Counter[int] = Counter()

    async def run(self) -> None:
        limits = httpx2.Limits(max_connections=None)
        async with (
            httpx2.AsyncClient(base_url=self._task["address"], timeout=_TIMEOUT_SECONDS, limits=limits) as client,
            asyncio.TaskGroup() as group,
        ):
            tasks = [group.create_task(self._stream(client, number)) for number in range(self._task["streams"])]
            tasks.append(group.create_task(self._post_steadily(client, group)))
            await asyncio.to_thread(sys.stdin.read)
            for task in tasks:
                task.cancel()

    async def _stream(self, client: httpx2.AsyncClient, number: int) -> None:
        """One department's, from now on; opened again where it ends."""
        department = self._departments[number % len(self._departments)]
        headers = self._headers(department) | {"Accept": "text/event-stream"}
        while True:
            try:
                async with client.stream("GET", f"/departments/{department}/orders", headers=headers) as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("id: "):
                            headers["Last-Event-ID"] = line[4:]
                        elif line.startswith("data: "):
                            self._note(department, json.loads(line[6:]))
            except httpx2.TransportError:
                pass
            await asyncio.sleep(_AGAIN_SECONDS)

    def _note(self, department: str, order: dict[str, Any]) -> None:
        now = time.time()
        if now >= self._task["since"]:
            self.streams.append(now * 1000 - order["issued_at"])
        if order["kind"] == "ASSIGN":
            self._cases.append((department, order["case_id"]))

    async def _post_steadily(self, client: httpx2.AsyncClient, group: asyncio.TaskGroup) -> None:
        began, number = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, began + number / self._task["rate"] - time.monotonic()))
            number += 1
            if self._cases:
                group.create_task(self._post(client, number, *random.choice(self._cases)))

    async def _post(self, client: httpx2.AsyncClient, number: int, department: str, case: str) -> None:
        update = {"update_id": f"P-{number}", "case_id": case, "status": "accepted", "at": int(time.time() * 1000)}
        began = time.time()
        try:
            answer = await client.post(
                f"/departments/{department}/updates", json=update, headers=self._headers(department)
            )
            status = answer.status_code
        except httpx2.TransportError:
            status = 0
        if began >= self._task["since"]:
            self.statuses[status] += 1
            self.posts.append((time.time() - began) * 1000)

    def _headers(self, department: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._task['tokens'][department]}"}


def main() -> None:
    clients = Clients(json.loads(sys.stdin.readline()))
    asyncio.run(clients.run())
    figures = {"posts": clients.posts, "streams": clients.streams, "statuses": dict(clients.statuses)}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()

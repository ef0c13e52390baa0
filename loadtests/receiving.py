"""Receivers of webhooks in a process of their own: `python -m loadtests.receiving`. Prints its port, and at the end of its input a
line for each call: when it came, and its id. Calls to /slow/SECONDS are answered after so long, those to /hang never."""

from __future__ import annotations

import asyncio
import sys
import time

_came: list[tuple[float, str]] = []


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            fields = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head.splitlines()[1:])
            }
            await reader.readexactly(int(fields.get("content-length", "0")))
            _came.append((time.time(), fields["webhook-id"]))
            way = head.split(" ", 2)[1].split("/")
            if way[1] == "hang":
                await asyncio.sleep(3600)
            if way[1] == "slow":
                await asyncio.sleep(float(way[2]))
            writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        pass
    finally:
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for at, name in _came:
        print(at, name)  # noqa: T201
    sys.stdout.flush()
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())

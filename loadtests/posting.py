"""Systems that call a webhook, in a process of their own: `python -m loadtests.posting PORT CALLERS CALLS`.

Prints as JSON how long each call took, in seconds, and how calls were answered.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2

from hub.sdk.access.signature import headers, signing_secrets
from hub.testing.files import POLICE_COLUMNS, police_row
from loadtests.webhook import SECRET


def _caller(port: int, number: int, calls: int) -> list[tuple[float, int]]:
    """One system: call after call on one connection."""
    secrets, took = signing_secrets(SECRET), []
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False) as client:
        for each in range(calls):
            name = f"{number}-{each}"
            row = dict(zip(POLICE_COLUMNS, police_row(each % 10, JJDBH=f"JJ-{name}"), strict=True))
            body = json.dumps(row).encode()
            sent = headers(secrets, name, int(time.time()), body) | {"Content-Type": "application/json"}
            began = time.perf_counter()
            status = client.post("/events", content=body, headers=sent).status_code
            took.append((time.perf_counter() - began, status))
    return took


def main(port: int, callers: int, calls: int) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(callers) as pool:
        found = [one for each in pool.map(lambda number: _caller(port, number, calls), range(callers)) for one in each]
    statuses = Counter(status for _, status in found)
    said = {"took": [took for took, _ in found], "statuses": statuses, "seconds": time.monotonic() - began}
    print(json.dumps(said))  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))

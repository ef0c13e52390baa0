"""A hub, its web and a department's client from the docs, each killed in the middle: every order is answered, and once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hub.cli.process.children import Child
from hub.cli.process.scrape import fetch
from hub.inspect.reading import read_messages, spans
from hub.settings import ROOT
from hub.topics import city_replies, dept_orders, dept_receipts
from tests.integration.small_hub import SmallHub, case_event, free_port, running_hub, wait_for
from tests.processes import started

pytestmark = pytest.mark.kafka
_REPORTS = 12


def client_of_the_docs(folder: Path) -> Path:
    text = (ROOT / "docs" / "gateway.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (folder / "client.py").write_text(code, encoding="utf-8")
    return folder / "client.py"


def web_of(hub: SmallHub, port: int) -> Child:
    return Child("web", ["web", "--port", str(port)], hub.settings, hub.settings.state_dir / "web.log")


def client(script: Path, port: int, token: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    environment = os.environ | {"HUB": f"http://127.0.0.1:{port}", "DEPARTMENT": "roads", "TOKEN": token}
    return started([sys.executable, str(script)], env=environment, cwd=script.parent)


def records(hub: SmallHub, topic: str) -> list[dict[str, Any]]:
    """All that is committed to a topic now."""
    batches = read_messages(hub.settings, spans(hub.settings, [topic]))
    return [hub.codec.decode_one(message.value())[1] for batch in batches for message in batch]


def report(hub: SmallHub, numbers: range) -> None:
    """Potholes far enough apart to be cases of their own."""
    hub.publish(
        *(
            case_event(
                "hotline", f"H{number}", category="road.pothole", urgency="ROUTINE",
                place={"code": None, "grid": None, "lat": 34.0 + number / 200, "lon": 114.515, "crs": "EPSG:4326", "address": None},
            )
            for number in numbers
        )
    )  # fmt: skip


@pytest.mark.crash
def test_every_order_is_answered_once(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> None:
    script, port = client_of_the_docs(tmp_path), free_port()
    with running_hub(kafka_bootstrap, namespace, tmp_path) as hub:
        token = hub.type("web", "token", "new", "roads").output.strip()
        web = web_of(hub, port)
        try:
            wait_for(lambda: fetch(f"http://127.0.0.1:{port}/readyz") is not None, "the web reads the topics")
            for third in range(3):
                first = third * _REPORTS // 3
                with client(script, port, token) as process:
                    report(hub, range(first, first + _REPORTS // 3))
                    if third == 1:
                        os.kill(web.pid, signal.SIGKILL)
                        web = web_of(hub, port)
                    wait_for(partial(_is_answered, hub, third), "the client answers")
                    process.kill()
                    process.wait()
        finally:
            web.stop()
        assert {record["outcome"] for record in records(hub, dept_receipts("roads").name)} <= {"accepted", "repeat"}
        told = Counter(
            record["case_id"] for record in records(hub, city_replies("hotline").name) if record["status"] == "ACCEPTED"
        )
        assert set(told.values()) == {1}
        assert len(told) == orders(hub)


def _is_answered(hub: SmallHub, third: int) -> bool:
    """Something of each third, so that the client is killed with the rest in hand; and all in the end."""
    if third < 2:
        return accepted(hub) > _REPORTS // 3 * third
    return accepted(hub) >= orders(hub) >= _REPORTS


def orders(hub: SmallHub) -> int:
    return sum(record["kind"] == "ASSIGN" for record in records(hub, dept_orders("roads").name))


def accepted(hub: SmallHub) -> int:
    found = records(hub, dept_receipts("roads").name)
    return len({record["case_id"] for record in found if record["outcome"] == "accepted"})

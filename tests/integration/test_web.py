"""A hub, its web and a department's client from the docs, each killed in the middle: every order is answered, and once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.cli.process.children import Child
from hub.inspect.reading import read_messages, spans
from hub.settings import ROOT
from hub.topics import city_replies, dept_orders, dept_receipts
from tests.integration.small_hub import SmallHub, case_event, free_port, running_hub, wait_for
from tests.processes import started
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.kafka
_REPORTS = 8


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


class App:
    """An app that reports a pothole and asks for it, as long as it takes until it is answered."""

    def __init__(self, port: int, api_key: str) -> None:
        self._base, self._key = f"http://127.0.0.1:{port}/open311/v2", api_key

    def report(self) -> str:
        fields = {
            "api_key": self._key,
            "service_code": "road.pothole",
            "lat": "34.08",
            "long": "114.515",
            "description": "Deep.",
        }
        (posted,) = self._answered("POST", "/requests.json", data=fields, headers={"Idempotency-Key": "walk-1"})
        return str(posted["service_request_id"])

    def notes(self, ref: str) -> str:
        (request,) = self._answered("GET", f"/requests/{ref}.json")
        return str(request["status_notes"])

    def _answered(self, method: str, path: str, **how: Any) -> Any:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = httpx2.request(method, self._base + path, timeout=60, **how)
            except httpx2.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                return answer.json()
            assert time.monotonic() < until, answer.text if answer is not None else "nobody is there"
            time.sleep(0.2)


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
            app = App(port, hub.type("web", "token", "new", "walker", "--open311").output.strip())
            ref = app.report()
            with client(script, port, token) as process:
                report(hub, range(_REPORTS // 2))
                wait_for(lambda: accepted(hub) > 0, "the client answers")
                os.kill(web.pid, signal.SIGKILL)
                process.kill()
                process.wait()
            web = web_of(hub, port)
            assert app.report() == ref, "the same call is the same report, whichever process answers it"
            with client(script, port, token):
                report(hub, range(_REPORTS // 2, _REPORTS))
                wait_for(lambda: accepted(hub) >= orders(hub) >= _REPORTS + 1, "all is answered")
                wait_for(lambda: "accepted" in app.notes(ref), "the app hears of it")
        finally:
            web.stop()
        assert {record["outcome"] for record in records(hub, dept_receipts("roads").name)} <= {
            "accepted", "repeat", "waiting",
        }  # fmt: skip
        wait_for(lambda: len(told(hub)) >= orders(hub) - 1, "not everybody was told; one was reported by the app")
        assert set(told(hub).values()) == {1}
        assert len(told(hub)) == orders(hub) - 1


def told(hub: SmallHub) -> Counter[str]:
    """How often each case's reporter was told that it is accepted."""
    found = records(hub, city_replies("hotline").name)
    return Counter(record["case_id"] for record in found if record["status"] == "ACCEPTED")


def orders(hub: SmallHub) -> int:
    return sum(record["kind"] == "ASSIGN" for record in records(hub, dept_orders("roads").name))


def accepted(hub: SmallHub) -> int:
    found = records(hub, dept_receipts("roads").name)
    return len({record["case_id"] for record in found if record["outcome"] == "accepted"})

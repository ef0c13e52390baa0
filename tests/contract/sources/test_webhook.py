"""A source of the kind `webhook` keeps the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hub.sdk.contract import Context, Source
from hub.testing.conformance import Bench, SourceConformance
from tests.unit.sdk.sources.webhook import system as webhook

pytestmark = pytest.mark.process


class TestWebhook(SourceConformance):
    @pytest.fixture
    def bench(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
        monkeypatch.setenv("KEY_BY_TEST", webhook.SECRET)
        made: list[webhook.Patient] = []
        fields: dict[int, str] = {}
        halves: set[int] = set()

        def body(number: int) -> bytes:
            if number in halves:
                return b'{"number": '
            return json.dumps({"number": number} | ({fields[number]: "!"} if number in fields else {})).encode()

        system = webhook.System(lambda: (made[-1].port or None) if made else None, body)

        def make() -> Source:
            made.append(webhook.Patient(webhook.config(), Context("calls"), system))
            return made[-1]

        told = [0]

        def add(count: int) -> None:
            told[0] += count
            system.tell(count)

        def strange(name: str) -> None:
            fields[told[0]] = name
            add(1)

        def garble() -> None:
            halves.add(told[0])
            add(1)

        cannot = {
            "away": "the system calls: one that does not is silent, which its rhythm tells",
            "busy": "the system calls, and is not called",
            "slow": "the system calls, and is not called",
        }
        secrets = (webhook.SECRET.removeprefix("whsec_"),)
        yield Bench(make, add, secrets=secrets, strange=strange, garble=garble, cannot=cannot)
        system.close()

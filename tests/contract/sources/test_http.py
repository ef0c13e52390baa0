"""A source of the kind `http` keeps the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hub.sdk.contract import Context, Source
from hub.sdk.sources.http.config import HttpConfig
from hub.sdk.sources.http.source import HttpSource
from hub.testing.conformance import Bench, SourceConformance
from tests.unit.sdk.sources.http.api import Api, hanging_up, refusing, row, serving

pytestmark = pytest.mark.process
SECRET = "s3cr3t-by-test"


class _Rows(list[dict[str, Any]]):
    def more(self, count: int) -> None:
        for _ in range(count):
            at = len(self)
            self.append(row(at, f"2026-01-06T{at // 60:02d}:{at % 60:02d}:00+08:00"))


class TestHttp(SourceConformance):
    @pytest.fixture(params=["page", "offset", "cursor", "link"])
    def bench(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
        monkeypatch.setenv("KEY_BY_TEST", SECRET)
        rows = _Rows()
        paging = {
            "page": {"kind": "page"},
            "offset": {"kind": "offset", "size": 3},
            "cursor": {"kind": "cursor", "where": "next"},
            "link": {"kind": "link"},
        }[request.param]
        with serving(Api(rows, request.param)) as api:
            config = HttpConfig.model_validate(
                {
                    "base_url": api.url, "path": "/requests", "items": "data.requests", "paging": paging, "once": True,
                    "calls_per_minute": 1e6, "auth": {"kind": "query", "name": "key", "value": "env:KEY_BY_TEST"},
                    "incremental": {"field": "updated", "param": "since"},
                }
            )  # fmt: skip
            slow, live = (config.model_copy(update=each) for each in ({"calls_per_minute": 6}, {"once": False}))

            def away(gone: bool) -> None:
                api.stumbles = [hanging_up] * 1000 if gone else []

            def strange(name: str) -> None:
                rows.more(1)
                rows[-1][name] = "!"

            def garble() -> None:
                rows.more(1)
                rows[-1]["title"] = "\ud800"  # half a character, as JSON can write it

            def limited() -> tuple[Source, Callable[[], int]]:
                before = len(api.asked)
                return HttpSource(slow, Context("city")), lambda: len(api.asked) - before

            yield Bench(
                lambda: HttpSource(config, Context("city")), rows.more, secrets=(SECRET,), away=away, strange=strange,
                busy=lambda text: api.stumbles.append(refusing(429, Retry_After=text)), slow=limited,
                live=lambda: HttpSource(live, Context("city")), garble=garble,
            )  # fmt: skip

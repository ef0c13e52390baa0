"""A source of the kind `open311` keeps the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from hub.sdk.contract import Context, Item, Source
from hub.sdk.sources.open311.config import Open311Config
from hub.sdk.sources.open311.source import Open311Source
from hub.testing.conformance import Bench, SourceConformance
from hub.testing.open311_server import Open311City, Quirk
from hub.testing.open311_server import hanging_up as open311_hanging_up
from hub.testing.open311_server import refusing as open311_refusing
from hub.testing.open311_server import serving as serving_open311

pytestmark = pytest.mark.process
SECRET = "s3cr3t-by-test"


class TestOpen311(SourceConformance):
    @pytest.fixture(params=["xml", "json by change", "no pages"])
    def bench(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
        monkeypatch.setenv("KEY_BY_TEST", SECRET)
        how: dict[str, Any] = {
            "xml": {},
            "json by change": {"format": "json", "changed_params": ("updated_after", "updated_before")},
            "no pages": {"page_param": None, "most_items": 12, "look_back_days": 0.02, "window_days": 0.005},
        }[request.param]
        odd = {Quirk.NO_PAGES} if request.param == "no pages" else set()
        city = Open311City(odd, most=12 if odd else 4, api_key=SECRET, jurisdiction="by.test")

        def add(count: int) -> None:
            """Of every fifth something is said at once."""
            for number in range(count):
                ref = city.report(f"Pothole {number}", city.now() - timedelta(seconds=10 * (count - number)))
                if number % 5 == 0:
                    city.say(ref, "closed", "Filled")

        def identity(item: Item) -> str:
            values = item.values or {}
            return " ".join(
                str(values.get(name)) for name in ("service_request_id", "statement", "said_at", "update_id")
            )

        with serving_open311(city) as url:
            config = Open311Config.model_validate(
                {
                    "base_url": url, "once": True, "calls_per_minute": 1e6, "api_key": "env:KEY_BY_TEST",
                    "jurisdiction_id": "by.test", "window_days": 45,
                    **how,
                }
            )  # fmt: skip
            slow, live = (config.model_copy(update=each) for each in ({"calls_per_minute": 6}, {"once": False}))

            def away(gone: bool) -> None:
                city.stumbles = [open311_hanging_up] * 1000 if gone else []

            def limited() -> tuple[Source, Callable[[], int]]:
                before = len(city.asked)
                return Open311Source(slow, Context("city")), lambda: len(city.asked) - before

            yield Bench(
                lambda: Open311Source(config, Context("city")), add, identity, (SECRET,), away=away, slow=limited,
                busy=lambda text: city.stumbles.append(open311_refusing(429, Retry_After=text)),
                live=lambda: Open311Source(live, Context("city")),
                cannot={
                    "strange": "GeoReport v2 says which fields a request has; others are not read",
                    "garble": "requests come in one document: what cannot be taken apart spoils it, and it is asked for again",
                },
            )  # fmt: skip

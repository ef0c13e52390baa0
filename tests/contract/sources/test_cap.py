"""A source of the kind `cap` keeps the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.sdk.contract import Context, Source
from hub.sdk.sources.cap.config import CapConfig
from hub.sdk.sources.cap.source import CapSource
from hub.testing.conformance import Bench, SourceConformance
from tests.contract.sources.cannot import NO_CALLS
from tests.unit.sdk.sources.cap.alerts import Feed, Office
from tests.unit.sdk.sources.http.api import hanging_up, refusing, serving

pytestmark = pytest.mark.process
NO_OTHER_ELEMENTS = "the standard says which elements an alert has; a document with others is none"


class TestCap(SourceConformance):
    @pytest.fixture(params=["folder", "feed"])
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
        if request.param == "folder":
            yield self._of_a_folder(tmp_path)
            return
        with serving(Feed()) as feed:
            yield self._of_a_feed(feed)

    def _of_a_feed(self, feed: Any) -> Bench:
        settings = {"base_url": feed.url, "path": "/feed", "once": True, "calls_per_minute": 1e6}

        def made(**more: Any) -> Source:
            config = CapConfig.model_validate({"feed": settings | more})
            return CapSource(config, Context("warnings", batch_items=4))

        def limited() -> tuple[Source, Callable[[], int]]:
            before = len(feed.asked)
            return made(calls_per_minute=6), lambda: len(feed.asked) - before

        return Bench(
            made,
            feed.warn,
            away=lambda gone: setattr(feed, "stumbles", [hanging_up] * 1000 if gone else []),
            busy=lambda text: feed.stumbles.append(refusing(429, Retry_After=text)),
            slow=limited,
            garble=feed.garble,
            live=lambda: made(once=False),
            cannot={"strange": NO_OTHER_ELEMENTS},
        )

    def _of_a_folder(self, tmp_path: Path) -> Bench:
        office, elsewhere = Office(tmp_path / "warnings"), tmp_path / "unmounted"

        def away(gone: bool) -> None:
            (office.folder if gone else elsewhere).rename(elsewhere if gone else office.folder)

        config = CapConfig.model_validate({"folder": {"path": tmp_path / "warnings", "once": True}})
        return Bench(
            lambda: CapSource(config, Context("warnings", batch_items=2)),
            office.warn,
            away=away,
            garble=lambda: office.put("garbled.xml", b"<other/>"),
            cannot=NO_CALLS | {"strange": NO_OTHER_ELEMENTS},
        )

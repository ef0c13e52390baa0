"""What people are shown of a hub in memory: by each page of its board, to each role, and by what the demo prints. For tests that
look for a person there; no tests of its own."""

from __future__ import annotations

import io
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY, generate_latest
from rich.console import Console, RenderableType
from starlette.testclient import TestClient

from hub import topics
from hub.cli.cases.explain import picture
from hub.cli.demo.verdict import compare_counts, score_links, truth_table
from hub.cli.demo.view import Snapshot, View
from hub.cli.demo.witness import SeenCases
from hub.cli.terminal.words import Words
from hub.inspect.story import Story
from hub.ledger.database import Database
from hub.ledger.store import LedgerStore
from hub.scrape import Metrics
from hub.simulator.truth import Truth
from hub.testing.memory import MemoryHub
from hub.web.access.accounts import Role
from hub.web.access.chain import export_lines
from hub.web.access.routes import GuardedRoute, OpenTo
from hub.web.access.trail import trail_entries
from hub.web.app import web_app
from hub.web.board.app import WallBoard
from hub.web.board.flow import Flow
from hub.web.board.watching import LedgerReader, WallWatch
from hub.web.open311.config import load_open311
from tests.unit.agents.small_world import CITY, MINUTE
from tests.unit.ledger.made_up import put, stored
from tests.unit.web.board.city_days import city_settings
from tests.unit.web.front import MemoryWeb

Said = tuple[str, str]
"""Where it was said, and what."""
_ROLES = [(role, "roads" if role is Role.DEPARTMENT else None) for role in Role]


class ShownBoard:
    """The board over this hub and the ledger in `folder`."""

    def __init__(self, hub: MemoryHub, ledger: Database, folder: Path) -> None:
        (at := folder / "board").mkdir()
        self._settings, self._store = city_settings(folder), LedgerStore(ledger)
        self._web = MemoryWeb(hub, at, load_open311(None, CITY))
        self._board = WallBoard(self._settings, self._web.front)
        self._app = web_app(self._web.front, self._web.offers, b"a secret of this test's", board=self._board.routes())
        self._client = TestClient(self._app, base_url="http://127.0.0.1")

    def close(self) -> None:
        self._client.close()
        self._board.stop()
        self._web.close()
        self._web.access.close()

    def said(self, typed: str) -> Iterator[Said]:
        """All that it says to anybody, also to who types `typed` wherever text is taken. Addresses of cases are left out: they are
        for who acts on them."""
        cases = [row["case_id"] for row in self._asked("/board/data/cases?state=any", Role.DISPATCHER)[0]["cases"]]
        assert cases
        yield from self._answers_to_acts(cases[:2], typed)
        self._settle()
        for role, department in _ROLES:
            for route in self._pages(role):
                for path in self._addresses(route.path, cases, typed):
                    yield path, self._asked(path, role, department)[1]
        yield "stream", self._streamed()
        yield "trail", "\n".join(export_lines(trail_entries(self._web.access.file)))

    def _settle(self) -> None:
        self._web.settle(self._web.hub.clock.now_ms + MINUTE)
        put(self._store, stored(self._web.hub))

    def _pages(self, role: Role) -> list[GuardedRoute]:
        return [
            route
            for route in self._app.routes
            if isinstance(route, GuardedRoute)
            and route.path.startswith("/board")
            and route.path != "/board/stream"
            and "GET" in (route.methods or ())
            and not isinstance(route.may, OpenTo)
            and role in route.may
        ]

    def _addresses(self, path: str, cases: list[str], typed: str) -> Iterator[str]:
        if "{" in path:
            yield from (re.sub(r"\{\w+\}", value, path) for value in (*cases, typed))
        else:
            yield path
            yield from (
                f"{path}?state=any&{name}={typed}" for name in ("q", "address", "due", "offset", "ref", "state")
            )

    def _asked(self, path: str, role: Role, department: str | None = None) -> tuple[Any, str]:
        """As JSON if it is, and its text."""
        self._client.cookies.clear()
        answer = self._client.get(
            path, headers=self._web.logged_in(role, department=department), follow_redirects=False
        )
        if not answer.headers.get("content-type", "").startswith("application/json"):
            return None, answer.text
        found = without_addresses(answer.json())
        return found, json.dumps(found, ensure_ascii=False)

    def _answers_to_acts(self, cases: list[str], typed: str) -> Iterator[Said]:
        """What is whole, what lacks something, and what is no act."""
        whole = {"event": "transferred", "cases": cases, "to": "roads", "reason": typed}
        for act in (whole, whole | {"event": typed}, whole | {"to": typed}, whole | {"who": typed}, {"reason": typed}):
            self._client.cookies.clear()
            headers = self._web.logged_in(Role.DISPATCHER)
            answer = self._client.post("/board/acts", json={"act_id": uuid.uuid4().hex, **act}, headers=headers)
            assert answer.status_code == 202 or act is not whole
            yield "acts", answer.text

    def _streamed(self) -> str:
        """What a page that follows the wall is told."""
        flow, reader = Flow(), LedgerReader(self._settings)
        WallWatch(reader, CITY.dispatch_desk, flow, dict).look()
        reader.close()
        return json.dumps([without_addresses(json.loads(event.data)) for event in flow.behind(0)], ensure_ascii=False)


def without_addresses(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: without_addresses(value) for name, value in found.items() if name != "address"}
    return [without_addresses(each) for each in found] if isinstance(found, list) else found


def printed_by_the_demo(hub: MemoryHub) -> Iterator[str]:
    """Its tables and lines while it runs, and its verdict."""
    letters = Counter((each["stage"], each["reason"]) for each in hub.records(topics.DEAD.name))
    shot = Snapshot(Metrics(generate_latest(REGISTRY).decode()), 1.0, hub.clock.now_ms, letters.total())
    view = View("planted", hub.sources, list(hub.departments), CITY.time_zone)
    yield view.line(shot)
    yield drawn(view.tables(shot))
    seen = SeenCases({each["case_id"]: (each["source"], each["source_ref"]) for each in hub.records(topics.CASES.name)})
    nothing: Counter[str] = Counter()
    truth = Truth(rows=Counter(hub.sources))
    checks = compare_counts(
        truth, taken_in=shot.taken_in(), repeats=nothing, receipts=nothing, dead=letters, sent=nothing, sent_twice=0, strays=0
    )  # fmt: skip
    yield drawn(truth_table(checks, score_links(truth, seen)))


def stories(hub: MemoryHub) -> Iterator[str]:
    """Each case as `cityhub explain` and the end of the demo tell it: with what was written of it, which is what they are for."""
    changes = hub.records(topics.CASES.name)
    for case in dict.fromkeys(each["case_id"] for each in changes):
        refs = {(each["source"], each["source_ref"]) for each in changes if each["case_id"] == case}
        reports = [
            each for each in hub.records(topics.EVENTS.name) if (each["event"]["source"], each["event"]["source_ref"]) in refs
        ]  # fmt: skip
        updates = [each for each in hub.records(topics.UPDATES.name) if each["update"]["case_id"] == case]
        story = Story(
            case,
            _placed(each for each in changes if each["case_id"] == case),
            _placed(reports),
            _placed(hub.orders(case_id=case)),
            _placed(hub.records(topics.DEADLINES.name, case_id=case)),
            _placed(updates),
        )
        yield drawn(picture(story, Words(CITY)))


def _placed(records: Any) -> list[Any]:
    return [dict(each) | {"kafka": {"offset": at}} for at, each in enumerate(records)]


def drawn(shown: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=300)
    console.print(shown)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text

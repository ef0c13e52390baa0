"""What an agent lets be seen of itself: asked from outside, at any time, and set by nobody inside."""

from __future__ import annotations

import ast
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from hub import metrics
from hub.agents.view import AgentView, open_cases, overdue_cases, show_cases
from hub.errors import FatalError
from hub.millis import DAY_MS
from hub.model.event import CaseEvent, EventKind, Place, Urgency
from hub.model.update import Update, status_and_step
from hub.policy import load_city
from hub.settings import ROOT
from hub.testing.memory import MemoryHub

DEMO = ROOT / "ops" / "cities" / "demo"
NOON = 1_772_420_400_000


def report(ref: str) -> CaseEvent:
    return CaseEvent(
        source="hotline", source_ref=ref, revision=0, kind=EventKind.OPENED, reported_at=NOON, category="water.burst",
        urgency=Urgency.URGENT, place=Place(code="LT01"), title="", text="", channel="phone",
    )  # fmt: skip


def gauge(department: str, name: str = "hub_open_cases") -> float | None:
    return REGISTRY.get_sample_value(name, {"department": department})


def test_open_cases_are_those_of_all_agents_that_know() -> None:
    views = [AgentView(None), AgentView(None, lambda: Counter(a=1)), AgentView(None, lambda: Counter(a=1, b=2))]  # type: ignore[arg-type]
    assert open_cases(views) == Counter(a=2, b=2)
    assert not open_cases(views[:1])


def test_metrics_show_them_as_they_are_when_asked_and_only_if_somebody_knows() -> None:
    held = Counter(made_up=1)
    show_cases([AgentView(None)], ["unseen"], "desk")  # type: ignore[arg-type]
    show_cases([AgentView(None, lambda: held)], ["made_up", "idle"], "made_up")  # type: ignore[arg-type]
    show_cases([AgentView(None, overdue_cases=lambda: Counter(late=3))], ["late"], "desk")  # type: ignore[arg-type]
    try:
        assert (gauge("unseen"), gauge("made_up"), gauge("idle")) == (None, 1.0, 0.0)
        held["made_up"] += 1
        assert gauge("made_up") == REGISTRY.get_sample_value("hub_desk_open_cases") == 2.0
        assert (gauge("late"), gauge("late", "hub_overdue_cases")) == (None, 3.0)
    finally:
        for department in ("made_up", "idle"):
            metrics.OPEN_CASES.remove(department)
        metrics.OVERDUE_CASES.remove("late")


def test_cases_are_overdue_from_when_a_clock_runs_out_until_it_ends() -> None:
    with MemoryHub(load_city(DEMO), NOON) as hub:

        def overdue() -> Counter[str]:
            return overdue_cases(agent.view for agent in hub._agents.values())

        hub.publish(report("H1"))
        hub.settle()
        (case,) = {each["case_id"] for each in hub.records("hub.cases")}
        (holder,) = {each["department"] for each in hub.records("hub.cases")}
        assert not overdue()
        hub.settle(NOON + 400 * DAY_MS)
        assert hub.records("hub.deadlines", kind="BREACHED")
        assert overdue() == Counter({holder: 1})
        status, step = status_and_step("RESOLVED")
        hub.publish(
            Update(
                update_id="1", department=holder, case_id=case, status=status, step=step, at=hub.clock.now_ms, note="so"
            )
        )
        hub.settle()
        assert not overdue()


def test_a_department_that_holds_open_cases_cannot_go(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DEMO, tmp_path / "city"))
    with MemoryHub(load_city(folder), NOON) as hub:
        hub.publish(report("H1"))
        hub.settle()
        (holder,) = {each["department"] for each in hub.records("hub.cases")}
        for file in folder.glob("*.yaml"):
            file.write_text(file.read_text("utf-8").replace(holder, "renamed"), "utf-8")
        with pytest.raises(FatalError, match=f"{holder!r} is gone"):
            hub.reload(folder)


def test_it_may_be_asked_while_cases_open_and_close() -> None:
    done = threading.Event()
    failed: list[BaseException] = []
    with MemoryHub(load_city(DEMO), NOON) as hub:

        def ask() -> None:
            try:
                while not done.is_set():
                    open_cases(agent.view for agent in hub._agents.values())
                    overdue_cases(agent.view for agent in hub._agents.values())
            except RuntimeError as error:
                failed.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        for number in range(50):
            hub.publish(report(f"H{number}"))
            hub.run()
        done.set()
        asking.join()
    assert not failed


def sets_of_others(tree: ast.AST) -> Iterator[str]:
    """Where an attribute of anything but one's own object is set."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            owner = ast.unparse(node.value)
            if owner != "self":
                yield f"line {node.lineno}: {owner}.{node.attr}"


def test_no_agent_sets_an_attribute_of_others() -> None:
    files = {path: ast.parse(path.read_text("utf-8")) for path in (ROOT / "hub" / "agents").rglob("*.py")}
    found = [f"{path.relative_to(ROOT)}, {what}" for path, tree in files.items() for what in sets_of_others(tree)]
    assert found == []


def test_one_that_did_would_be_found() -> None:
    code = "def attach(app, hub):\n    app.pages.open_cases = 1\n    hub.view += 1\nself.x = 1"
    assert list(sets_of_others(ast.parse(code))) == ["line 2: app.pages.open_cases", "line 3: hub.view"]

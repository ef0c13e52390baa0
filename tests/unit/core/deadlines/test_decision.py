"""Which clocks run on a case: decided for many at once it is what it is for each alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from hub.core.deadlines.decision import CaseKind, Clocks, Stage, clocks_of, decide, opening_clocks, source_clock
from hub.core.deadlines.rules import OPENING, DeadlineRules, Due
from hub.policy import load_city
from hub.policy.models import ClockSpec, DeadlineRule, Name
from hub.settings import ROOT

CITY = load_city(ROOT / "ops" / "cities" / "demo")
HOUR = 3_600_000
START = 1_767_672_000_000


def row(id_: str, clock: str, hours: float, **more: object) -> DeadlineRule:
    return DeadlineRule.model_validate({"id": id_, "clock": clock, "duration": hours, "unit": "hour", **more})


RULES = DeadlineRules(
    replace(
        CITY,
        clocks={**CITY.clocks, "arrive": ClockSpec(name=Name(en="arrive", zh="到场"), start=("dispatched",), stop=("arrived",))},
        deadlines=(
            row("arrive.water", "arrive", 3, when={"family": ("water",)}, warn_shares=(0.5, 0.8)),
            row("inspect.all", "inspect", 9, start=("opened", "dispatched"), warn_shares=(0.2, 0.5, 0.9)),
            *CITY.deadlines,
        ),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Matter:
    category: str
    urgency: str
    opened_ms: int
    due_ms: int | None
    reopened_ms: int | None
    versions: tuple[object, ...] = ()
    source: str = "hotline"
    area: str | None = None
    conditions: tuple[str, ...] = ()


matters = st.builds(
    Matter,
    st.sampled_from(["water.burst", "road.collapse", "order.building", "petition.letter"]),
    st.sampled_from(["ROUTINE", "URGENT", "EMERGENCY"]),
    st.integers(START, START + 400 * HOUR),
    st.none() | st.integers(START, START + 400 * HOUR),
    st.none() | st.integers(START + 401 * HOUR, START + 500 * HOUR),
)


def course(case: Matter) -> list[Stage]:
    return [Stage(case.opened_ms, case.category, case.urgency, case.area, case.due_ms, "roads", (), (), None)]


def entries(clocks: Clocks) -> list[tuple[int, bool, Due]]:
    columns = zip(
        clocks.case.tolist(), clocks.by_event.tolist(), clocks.clock.to_pylist(), clocks.policy.to_pylist(),
        clocks.started_ms.tolist(), clocks.warn_ms.tolist(), clocks.due_ms.tolist(), clocks.provisional.tolist(), strict=True,
    )  # fmt: skip
    return [
        (case, by_event, Due(*names, (names[3], *later) if (later := clocks.warns.get(at, ())) else (), provisional))
        for at, (case, by_event, *names, provisional) in enumerate(columns)
    ]


@given(st.lists(matters, max_size=8))
def test_many_at_once_as_each_alone(cases: list[Matter]) -> None:
    found = sorted(entries(decide(RULES, cases, course)), key=str)
    alone = [(at, *each) for at, case in enumerate(cases) for each in clocks_of(RULES, case, course(case))]
    assert found == sorted(alone, key=str)


@given(matters)
def test_the_sources_own_due_time_takes_the_place_of_the_resolve_clock_and_of_no_other(case: Matter) -> None:
    kind = CaseKind(case.category, case.source, case.urgency, case.area)
    plain = RULES.due_one(*kind[:4], case.opened_ms, event=OPENING)
    mine = opening_clocks(RULES, kind, case.opened_ms, case.due_ms)
    assert [due for due in mine if due.clock != "resolve"] == [due for due in plain if due.clock != "resolve"]
    if case.due_ms is not None:
        due_ms = max(case.due_ms, case.opened_ms)
        assert [(due.policy, due.due_ms) for due in mine if due.clock == "resolve"] == [("source", due_ms)]


@given(opened=st.integers(0, 10**12), due=st.integers(-(10**12), 2 * 10**12))
def test_a_due_time_of_the_sources_own_is_never_before_the_case(opened: int, due: int) -> None:
    clock = source_clock(opened, due)
    assert clock.started_ms == opened <= clock.warn_ms <= clock.due_ms == max(opened, due)

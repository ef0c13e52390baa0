"""What has changed, for listeners that come, go, sleep and come back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.web.board.flow import KEPT_EVENTS, MOST_BEHIND, Flow, FlowEvent

_CASES = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3))
_SAID = st.lists(st.fixed_dictionaries({}, optional={"points": _CASES, "numbers": st.integers(0, 3)}), max_size=40)


def _shown(state: dict[str, Any], events: list[FlowEvent]) -> dict[str, Any]:
    """What a page has once it has heard these, as live.mjs does it."""
    for event in events:
        data = json.loads(event.data)
        if event.kind == "snapshot":
            state = data
            continue
        for name, change in data.items():
            if isinstance(change, dict) and "+" in change:
                kept = {key: value for key, value in state[name].items() if key not in change["-"]}
                state = {**state, name: kept | change["+"]}
            else:
                state = {**state, name: change}
    return state


@given(_SAID, st.lists(st.booleans(), min_size=40, max_size=40))
def test_whoever_listens_now_and_then_has_what_is_true_when_he_has_listened(
    said: list[dict[str, Any]], listens: list[bool]
) -> None:
    flow, state, number, true = Flow(), {}, 0, {}
    for parts, listening in zip(said, [*listens], strict=False):
        flow.tell(parts, {"standing": len(true)})
        true |= parts
        if listening:
            events = flow.behind(number)
            state, number = _shown(state, events), events[-1].number if events else number
            assert {name: state[name] for name in true} == true


def test_what_has_not_changed_is_not_said() -> None:
    flow = Flow()
    assert flow.tell({"numbers": 1}, {})
    assert not flow.tell({"numbers": 1}, {"standing": 2})
    assert flow.tell({"numbers": 1}, {"standing": 2}, also_alone=True)


def test_who_is_far_behind_begins_anew_and_nothing_piles_up() -> None:
    flow = Flow()
    for number in range(10 * KEPT_EVENTS):
        flow.tell({"numbers": number}, {})
    assert [event.kind for event in flow.behind(10 * KEPT_EVENTS - 2)] == ["patch", "patch"]
    assert [event.kind for event in flow.behind(10 * KEPT_EVENTS - MOST_BEHIND - 1)] == ["snapshot"]
    assert [event.kind for event in flow.behind(0)] == ["snapshot"]
    assert flow.behind(10 * KEPT_EVENTS) == []


def test_an_id_of_another_process_says_nothing() -> None:
    one, other = Flow(), Flow()
    one.tell({"numbers": 1}, {})
    event_id = one.text(one.behind(0)[0]).splitlines()[0].removeprefix("id: ")
    assert one.number_of(event_id) == 1
    assert other.number_of(event_id) == 0
    assert [one.number_of(text) for text in ("", "1", "x-1", event_id + "x", "-")] == [0, 0, 0, 0, 0]


def test_listeners_are_woken_by_news_and_by_the_end() -> None:
    async def heard() -> list[bool]:
        flow = Flow()
        with flow.listening() as news:
            news.clear()
            flow.tell({"numbers": 1}, {})
            await asyncio.wait_for(news.wait(), 60)
            news.clear()
            flow.close()
            await asyncio.wait_for(news.wait(), 60)
            return [flow.is_closed, flow.listeners == 1]

    assert asyncio.run(heard()) == [True, True]

"""The life of a case as a table of states and events: which event may happen in which state, who may say it, what it leads to.

Pure and whole: `step` gives the new state, or the refusal with its reason in words. What an event does to clocks is in
hub/core/deadlines/terms.py; the diagram in hub/core/lifecycle.md is drawn from this table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a case stands at the department that holds it."""

    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ARBITRATION = "arbitration"
    PAUSED = "paused"
    RESOLVED = "resolved"
    VERIFIED = "verified"
    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    ENDED = "ended"


STATE_NAMES: dict[State, str] = {
    State.DISPATCHED: "dispatched 已派单", State.ACCEPTED: "in hand 办理中", State.REFUSED: "refused 已退回",
    State.ARBITRATION: "in arbitration 待裁定", State.PAUSED: "paused 已中止", State.RESOLVED: "resolved 已办结",
    State.VERIFIED: "verified 已核查", State.SATISFIED: "satisfied 回访满意", State.UNSATISFIED: "not satisfied 回访不满意",
    State.ENDED: "ended by its source 来源终结",
}  # fmt: skip


class Who(StrEnum):
    """Who may report an event. "The desk" is the dispatch desk and the city's supervisors. Who holds the case is asked for the
    instant at which the event happened."""

    PARTY = "who holds the case or helps, or the desk 主办、协办或派单台"
    HOLDER = "who holds the case, or the desk 主办单位或派单台"
    DESK = "the dispatch desk or a supervisor 派单台或督办单位"
    CITY = "whom the city's steps.yaml says 由本市 steps.yaml 规定"
    CALLER = "who called the departments together or was called, or the desk 吹哨、报到单位或派单台"
    HUB = "the hub 平台"


class Rule(NamedTuple):
    """One event: its name for people, who may say it, and where it leads from each state in which it may happen."""

    name: str
    who: Who
    leads: dict[State, State]
    reporters_told: bool = False
    """True if those who reported are told of the event."""


_S = State
OPEN = (_S.DISPATCHED, _S.ACCEPTED, _S.REFUSED, _S.ARBITRATION, _S.PAUSED)
IN_HAND = (_S.DISPATCHED, _S.ACCEPTED)
DONE = (_S.RESOLVED, _S.VERIFIED, _S.SATISFIED, _S.UNSATISFIED)


def _to(target: State, *froms: State) -> dict[State, State]:
    return dict.fromkeys(froms, target)


def _stay(*states: State) -> dict[State, State]:
    return {state: state for state in states}


_ALL = tuple(State)
EVENT_RULES: dict[str, Rule] = {
    "dispatched": Rule("dispatched 派单", Who.HUB, _to(_S.DISPATCHED, *OPEN) | _stay(*DONE, _S.ENDED)),
    "accepted": Rule(
        "accepted 受理", Who.PARTY, _to(_S.ACCEPTED, *IN_HAND, _S.REFUSED) | _stay(_S.ARBITRATION, _S.PAUSED, _S.ENDED),
        reporters_told=True,
    ),
    "arrived": Rule(
        "arrived on site 到场", Who.PARTY, _to(_S.ACCEPTED, *IN_HAND) | _stay(_S.PAUSED, _S.ENDED), reporters_told=True
    ),
    "responded": Rule(
        "responded 答复", Who.PARTY,
        _to(_S.ACCEPTED, *IN_HAND, _S.REFUSED) | _stay(_S.ARBITRATION, _S.PAUSED, *DONE, _S.ENDED), reporters_told=True,
    ),
    "resolved": Rule("resolved 办结", Who.PARTY, _to(_S.RESOLVED, *OPEN) | _stay(*DONE, _S.ENDED), reporters_told=True),
    "refused": Rule(
        "refused as not theirs 退回", Who.PARTY, _to(_S.REFUSED, *IN_HAND, _S.REFUSED) | _stay(_S.PAUSED, _S.ARBITRATION, _S.ENDED)
    ),
    "transferred": Rule("transferred 转办", Who.HOLDER, _to(_S.DISPATCHED, *IN_HAND, _S.REFUSED, _S.PAUSED)),
    "designated": Rule("designated, not to be returned 指定承办", Who.DESK, _to(_S.DISPATCHED, *OPEN)),
    "extension_asked": Rule("extension asked 申请延期", Who.PARTY, _stay(*IN_HAND, _S.PAUSED)),
    "extension_granted": Rule("extension granted 准予延期", Who.DESK, _stay(*IN_HAND, _S.PAUSED), reporters_told=True),
    "extension_denied": Rule("extension denied 不予延期", Who.DESK, _stay(*IN_HAND, _S.PAUSED)),
    "paused": Rule("paused 中止", Who.PARTY, _to(_S.PAUSED, *IN_HAND), reporters_told=True),
    "resumed": Rule("resumed 恢复", Who.PARTY, _to(_S.ACCEPTED, _S.PAUSED), reporters_told=True),
    "whistled": Rule("departments called together 吹哨", Who.PARTY, _stay(*IN_HAND)),
    "unlinked": Rule("report taken out 撤销并案", Who.HOLDER, _stay(*OPEN)),
    "verified": Rule("verified 核查通过", Who.DESK, _to(_S.VERIFIED, _S.RESOLVED, _S.VERIFIED)),
    "satisfied": Rule("caller satisfied 回访满意", Who.DESK, _to(_S.SATISFIED, *DONE)),
    "unsatisfied": Rule("caller not satisfied 回访不满意", Who.DESK, _to(_S.UNSATISFIED, *DONE)),
    "scored": Rule("scored 评价打分", Who.CALLER, _stay(*DONE)),
    "reopened": Rule("reopened 重新办理", Who.DESK, _to(_S.DISPATCHED, *DONE, _S.ENDED), reporters_told=True),
    "reminded": Rule("reminded 催办", Who.DESK, _stay(*OPEN)),
    "supervised": Rule("supervised 督办", Who.DESK, _stay(*OPEN)),
    "notified": Rule("named in a notice 通报", Who.DESK, _stay(*OPEN, *DONE)),
    "custom": Rule("a step of the city's own 本市自定步骤", Who.CITY, _stay(*OPEN, *DONE)),
    "closed": Rule("closed by its source 来源结案", Who.HUB, _to(_S.ENDED, *OPEN, _S.ENDED) | _stay(*DONE)),
    "withdrawn": Rule("withdrawn by its source 撤回", Who.HUB, _to(_S.ENDED, *OPEN, _S.ENDED) | _stay(*DONE)),
}  # fmt: skip
"""Every event, in the order in which events of one instant count."""

_FIRST = ("refused", "transferred", "designated", "dispatched")
_LAST = ("closed", "withdrawn", "reopened")
RANK = {
    event: rank
    for rank, event in enumerate((*_FIRST, *(each for each in EVENT_RULES if each not in (*_FIRST, *_LAST)), *_LAST))
}
LADDER = ("reminded", "supervised", "notified")
"""The rungs of supervision (催办、督办、通报) that every city has: a case climbs them and does not come down."""
REPORTERS_TOLD = frozenset(event for event, rule in EVENT_RULES.items() if rule.reporters_told)
PARTIES = (Who.PARTY, Who.HOLDER)
MAX_SCORE = 100


class Refusal(NamedTuple):
    """An event that is not allowed, and why, with the way out, in words."""

    reason: str


def step(state: State, event: str) -> State | Refusal:
    """The state that an event leads to, or the reason why it is not allowed in this state. Raises KeyError for an unknown event."""
    return follow(state, EVENT_RULES[event])


def follow(state: State, rule: Rule) -> State | Refusal:
    """As `step`, by the rule of an event."""
    target = rule.leads.get(state)
    if target is not None:
        return target
    may = ", ".join(STATE_NAMES[each] for each in rule.leads)
    return Refusal(
        f"{rule.name} is not allowed while the case is {STATE_NAMES[state]}; it may be said when it is {may}"
    )

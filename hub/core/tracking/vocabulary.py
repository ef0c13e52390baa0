"""What may be said of a case in one city: the steps that every city has, and those that it declares in steps.yaml. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hub.core.tracking.lifecycle import EVENT_RULES, OPEN, RANK, Rule, State, Who
from hub.policy.city import City
from hub.policy.models import StepSpec
from hub.policy.models.steps import StepBy

WHO: Mapping[StepBy, Who] = {"holder": Who.HOLDER, "party": Who.PARTY, "joint": Who.CALLER, "desk": Who.DESK}
_GONE = Rule("a step that the city has no more 已停用的步骤", Who.PARTY, {state: state for state in State})
"""The rule of a step that was declared once: what was applied then stays applied."""
_HELPERS = frozenset(("accepted", "arrived", "responded", "resolved", "refused"))


class Vocabulary:
    """The steps by the latest state of the rules; and, for what was said earlier, those of earlier rules that the
    latest has no more."""

    def __init__(self, latest: City, every: Iterable[City] = ()) -> None:
        declared: dict[str, StepSpec] = {}
        for city in (*every, latest):
            declared |= city.steps
        self._rules: Mapping[str, Rule] = EVENT_RULES | {code: _rule(spec) for code, spec in declared.items()}
        self._latest = latest
        self.answered = frozenset(event for event, rule in self._rules.items() if rule.reporters_told)
        """Events of which those who reported are told."""

    def rule(self, event: str) -> Rule:
        """Who may say an event, and when."""
        return self._rules.get(event, _GONE)

    def unknown(self, event: str) -> str | None:
        """Reason why nobody may say this event now, or None."""
        if event in EVENT_RULES and EVENT_RULES[event].who not in (Who.HUB, Who.CITY):
            return None  # what the hub says itself is nobody's to say, also as the code of a step
        if event in self._latest.steps:
            return None
        known = ", ".join(self._latest.steps) or "none"
        return f"a step of the city's own 自定步骤 is named by its code, one of steps.yaml; there are: {known}"

    def of_own_part(self, event: str) -> bool:
        """True if a helper says this event of its own part, so that it does not move the case."""
        return event in _HELPERS or (event not in EVENT_RULES and self.rule(event).who is Who.PARTY)

    def reply(self, event: str) -> str:
        """What those who reported are told where the department has written nothing."""
        spec = self._latest.steps.get(event)
        return f"{spec.tell.zh} {spec.tell.en}" if spec is not None and spec.tell is not None else ""


def rank(event: str) -> int:
    """Sort key of an event among those of one instant."""
    return RANK.get(event, RANK["custom"])


def _rule(spec: StepSpec) -> Rule:
    states = tuple(State(each) for each in spec.states) or OPEN
    return Rule(
        f"{spec.name.en} {spec.name.zh}", WHO[spec.by], {state: state for state in states}, spec.tell is not None
    )

"""Why a report goes where it goes, in words: the row that decided, what it asks, and why rows above did not take it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hub.core.routing import DESK_RULE, UNKNOWN_CATEGORY, Candidate, Decision, Plan, Router
from hub.core.sightings import Sighting
from hub.policy.models import MATTERS, Exit, Route, RouteWhen

_MOST_PASSED = 12


@dataclass(frozen=True)
class Explanation:
    """The decision, why it was made, and the rows above that were passed over, nearest first, each with what did not hold."""

    decision: Decision
    because: str
    passed_over: tuple[str, ...]

    def lines(self) -> list[str]:
        return [self.because, *(f"passed over 未命中: {row}" for row in self.passed_over)]


def explain(
    router: Router,
    source: str,
    category: str,
    area: str | None,
    urgency: str,
    placed: bool,
    seen: Sighting,
    layers: Mapping[str, str | None] | None = None,
) -> Explanation:
    """As Router.route_one, with reasons. Rows about other categories are not told."""
    decision = router.route_one(source, category, area, urgency, placed, seen, layers)
    plan = router.plan(category)
    key = router.key(plan, source, urgency, placed, area, seen, layers)
    taken = plan.takes(key)
    above = plan.candidates if taken is None else plan.candidates[: plan.candidates.index(taken)]
    passed = tuple(_passed(plan, candidate, key) for candidate in reversed(above[-_MOST_PASSED:]))
    return Explanation(decision, _because(decision, plan, taken), passed)


def _because(decision: Decision, plan: Plan, taken: Candidate | None) -> str:
    about = f"category {plan.category.code}" if plan.category else UNKNOWN_CATEGORY
    if taken is None:
        return f"the dispatch desk 派单台 ({DESK_RULE}) decides: {decision.desk_reason}, {about}"
    row = taken.row
    asked = "; ".join(conditions_in_words(row.when)) or "it asks for nothing"
    if isinstance(row, Exit):
        kinds = {"emergency": "emergency 紧急转接", "refuse": "refused 不予受理", "progress": "progress told 告知进展"}
        reason = f", {MATTERS[row.reason]}" if row.reason else ""
        line = f", {row.line}" if row.line else ""
        return f"exit {row.id} settles it before dispatch: {kinds[row.exit]}{line}{reason}, because {asked}"
    queue = f", queue {decision.queue}" if decision.queue else ""
    helpers = f", with 协办 {', '.join(decision.co_handlers)}" if decision.co_handlers else ""
    return f"row {row.id} gives it to {decision.department}{queue}{helpers}, because {asked}"


def _passed(plan: Plan, candidate: Candidate, key: tuple[object, ...]) -> str:
    failed = [
        f"{_name(plan.questions.asked[test.place])} is {_shown(key[test.place])}"
        for test in candidate.tests
        if not test.holds(key)
    ]
    return f"{candidate.row.id}: {'; '.join(failed)}"


def _name(question: tuple[str, ...]) -> str:
    return {
        "source": "source 来源", "urgency": "urgency 紧急程度", "placed": "having a point 有坐标", "channel": "channel 渠道",
        "owner": "owner 权属", "keywords": "keywords found 关键词", "address": "address words found 地址词",
        "weekday": "weekday 星期", "minute": "time of day 时段", "day": "date 日期",
        "layer": f"area 区域 ({question[-1]})", "attribute": f"attribute 属性 {question[-1]}",
    }[question[0]]  # fmt: skip


def _shown(answer: object) -> str:
    if isinstance(answer, frozenset):
        return ", ".join(sorted(map(str, answer))) or "nothing"
    if answer is None:
        return "none that a row names"
    return "outside the row's" if isinstance(answer, int) and not isinstance(answer, bool) else str(answer)


def conditions_in_words(when: RouteWhen) -> Iterator[str]:
    """One phrase a condition."""
    for kind, values in (
        ("source 来源", when.source), ("category 类别", when.category), ("family 类", when.family),
        ("urgency 紧急程度", when.urgency), ("channel 渠道", when.channel), ("owner 权属", when.owner),
        ("weekday 星期", when.weekdays), ("time 时段", when.hours),
    ):  # fmt: skip
        if values is not None:
            yield f"{kind} is {_any(values)}"
    for layer, codes in when.layers.items():
        yield f"area 区域 ({layer}) is {_any(codes)}"
    for name, answers in (when.attribute or {}).items():
        yield f"attribute 属性 {name} is {_any(answers)}"
    if when.keywords is not None:
        yield f"text 文本 holds {_any(when.keywords)}"
    if when.address is not None:
        yield f"address 地址 holds {_any(when.address)}"
    if when.placed is not None:
        yield "it has a point 有坐标" if when.placed else "it has no point 无坐标"


def _any(values: tuple[str, ...]) -> str:
    shown = " or ".join(values[:6])
    return f"{shown} or {len(values) - 6} more" if len(values) > 6 else shown


def outcome_in_words(row: Route | Exit) -> str:
    """What a row does."""
    if isinstance(row, Exit):
        return f"{row.exit} → {row.department or row.reason or 'reply'}"
    lead = "the facility's owner 属主" if row.to_owner else row.department
    queue = f" / {row.queue}" if row.queue else ""
    helpers = f" + {', '.join(row.co_handlers)}" if row.co_handlers else ""
    return f"{lead}{queue}{helpers}"

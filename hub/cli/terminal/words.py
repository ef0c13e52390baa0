"""What the hub's codes are called, for people: English and Chinese together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from hub.core.deadlines.decision import SOURCE_POLICY
from hub.core.deadlines.rules import DeadlineRules
from hub.core.routing.router import Router
from hub.core.tracking.lifecycle import EVENT_RULES
from hub.millis import datetime_of
from hub.policy.city import City

CHANGES = {
    "OPENED": "case opened 立案", "LINKED": "report linked 并案", "AMENDED": "amended 补充",
    "SUPERSEDED": "older statement, ignored 旧版本",
    "WITHDRAWN": "withdrawn 撤回", "CLOSED": "closed 结案", "REROUTED": "rerouted 改派",
    "UNLINKED": "report taken out 撤销并案",
    "HELD": "who has held it is put right 更正持有台账",
}  # fmt: skip
ORDER_NAMES = {
    "ASSIGN": "assigned to 派单", "AMEND": "told of an amendment 补充通知", "LINK": "told of another report 并案通知",
    "WITHDRAW": "taken back from 撤单", "REMIND": "reminded 催办",
}  # fmt: skip
NOTICE_NAMES = {
    "WARNED": "warned 预警", "BREACHED": "BREACHED 超时", "MET": "met 按时", "ENDED_LATE": "ended late 逾期完成",
    "CANCELLED": "cancelled 取消",
}  # fmt: skip
OUTCOME_NAMES = {
    "accepted": "applied 已生效",
    "repeat": "came before, nothing more is done 重复，不再处理",
    "waiting": "waits 等待中",
}
"""Of updates that were not set aside."""
STATUS_NAMES = {event.upper(): rule.name for event, rule in EVENT_RULES.items()}
CLOCK_NAMES = {"accept": "accept 受理", "respond": "respond 答复", "resolve": "resolve 办结"}


class Words:
    """A city's names for its codes, and its local time. What is not known is said as it is."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._zone = ZoneInfo(city.time_zone)
        self._areas = {area.code: area.name for area in city.areas}
        self._rules = {rule.id: rule for rule in city.deadlines}
        self._events = STATUS_NAMES | {
            code.upper(): f"{spec.name.en} {spec.name.zh}" for code, spec in city.steps.items()
        }

    @cached_property
    def _deadlines(self) -> DeadlineRules:
        return DeadlineRules(self._city)

    @cached_property
    def _router(self) -> Router:
        return Router(self._city)

    def event(self, event: str) -> str:
        """What happened to a case, by its status, step or code in upper or lower case."""
        return self._events.get(event.upper(), event)

    def outcome(self, code: str) -> str:
        """What a resolution came to, by its code in steps.yaml."""
        known = self._city.outcomes.get(code.lower())
        return f"{known.name.en} {known.name.zh}" if known else code

    def category(self, code: str) -> str:
        known = self._city.categories.get(code)
        return f"{known.name.en} {known.name.zh}" if known else code

    def department(self, department: str) -> str:
        known = self._city.departments.get(department)
        return f"{known.name.en} {known.name.zh}" if known else department

    def clock(self, name: str) -> str:
        """A clock as records call it: a called department's own is CLOCK/DEPARTMENT."""
        code, _, whose = name.partition("/")
        known = self._city.clocks.get(code)
        called = f"{known.name.en} {known.name.zh}" if known else code
        return f"{called} of 属于 {self.department(whose)}" if whose else called

    def unit(self, unit: str | None) -> str:
        """Who below a department, with what it is; nothing for none."""
        organisation = self._city.organisation
        known = None if organisation is None or unit is None else organisation.units.get(unit)
        if known is None:
            return unit or ""
        name = f" {known.name.en} {known.name.zh}" if known.name else ""
        return f"{known.kind} {known.id}{name}"

    def area(self, code: str | None) -> str:
        return "no area 无区域" if code is None else f"{self._area_name(code)} ({code})".strip()

    def _area_name(self, code: str) -> str:
        """Its own, or where areas are a tree of codes, that of the nearest above it that has one."""
        divisions = self._city.divisions
        if divisions is None:
            return self._areas.get(code, "")
        names = self._areas | {each: f"{name.en} {name.zh}" for each, name in divisions.spec.names.items()}
        return names.get(divisions.nearest(code, names) or "", "")

    def beside(self, order: Mapping[str, Any]) -> str:
        """Beside whom an order's department works; empty if it works alone."""
        others = ", ".join(map(self.department, order.get("joined") or ()))
        if not others:
            return ""
        if order.get("called"):
            return f"called with 一并召集 {others}"
        return f"helps, with 协办, 同办 {others}" if order["lead"] else f"leads, with 主办, 协办 {others}"

    def row(self, policy: str, rules: str, duration: float, unit: str) -> str:
        """What a deadline row says, as a record has it: duration, unit, and the law it follows."""
        if policy == SOURCE_POLICY:
            return "the source's own due time 来源自定"
        basis = self.legal_basis(policy, rules)
        return (f"{policy}: {duration:g} {unit}" if unit else policy) + (f", {basis}" if basis else "")

    def gave_way(
        self, policy: str, rules: str, category: str, source: str, urgency: str, area: str | None, conditions: list[str]
    ) -> str | None:
        """The row that gave way to this one's longer legal limit, by the rules that the city's folder has."""
        if rules and rules != self._city.version:
            return None
        return self._deadlines.gave_way(policy, category, source, urgency, area, conditions)

    def limits(self, category: str, source: str, urgency: str, area: str | None, at_ms: int) -> str:
        """The rows of the clocks that a report would have as a case of its own, by the city's folder, with when they are due."""
        known = self._city.category_of(category)
        code = category if known is None else known.code
        dues = self._deadlines.due_one(code, source, urgency, area, at_ms)
        return "; ".join(f"{due.clock} {due.policy}, due 到期 {self.local(due.due_ms)}" for due in dues)

    def leads(self, category: str, source: str, urgency: str, area: str | None) -> str:
        """Who would have a report as a case of its own, by the rows of the city's folder that ask nothing of its words: who leads,
        and who is called or helps."""
        decision = self._router.route_one(source, category, area, urgency, placed=area is not None)
        others = ", ".join(map(self.department, decision.co_handlers))
        how = "called with it 一并召集" if decision.called else "helped by 协办"
        return f"{self.department(decision.department)} (rule 规则 {decision.rule})" + (
            f", {how} {others}" if others else ""
        )

    def legal_basis(self, policy: str, rules: str) -> str | None:
        """The law that a deadline row names, if the rules here are those of which it is a row."""
        rule = self._rules.get(policy) if rules == self._city.version else None
        return None if rule is None else rule.legal_basis

    def local(self, ms: int | None) -> str:
        """An instant in the city's time."""
        return "-" if ms is None else datetime_of(ms, self._zone).strftime("%Y-%m-%d %H:%M:%S")

    def iso(self, ms: int | None) -> str | None:
        return None if ms is None else datetime_of(ms, self._zone).isoformat()

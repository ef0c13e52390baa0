"""routes.yaml: who is responsible, and what never gets as far as a department. Also the conditions all tables share."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from hub.policy.models.base import MAIN_LAYER, CategoryCode, Id, Name, RuleId, ShortText, Strict, UrgencyName
from hub.policy.models.calendars import Span, Weekday

ExitKind = Literal["emergency", "refuse", "progress"]
Matter = Literal["petition", "litigation", "arbitration", "review", "discipline", "disclosure", "other"]

MATTERS: dict[Matter, str] = {
    "petition": "already with the petition office 已在信访程序",
    "litigation": "before a court 已进入诉讼",
    "arbitration": "in arbitration 已进入仲裁",
    "review": "in administrative review 已进入行政复议",
    "discipline": "for the discipline inspection 属纪检监察",
    "disclosure": "a request for information 属政府信息公开",
    "other": "not the hub's to open 不予受理",
}
"""Why a matter is refused before dispatch, in words."""


class _Conditions(Strict):
    source: tuple[Id, ...] | None = Field(None, min_length=1)
    category: tuple[CategoryCode, ...] | None = Field(None, min_length=1)
    family: tuple[Id, ...] | None = Field(None, min_length=1)
    urgency: tuple[UrgencyName, ...] | None = Field(None, min_length=1)


class When(_Conditions):
    """Conditions of every table; all that are given must hold, each by one of its values. `area`: codes of the main layer."""

    area: tuple[ShortText, ...] | None = Field(None, min_length=1)


class RouteWhen(_Conditions):
    """Conditions of routing; all that are given must hold, each by one of its values.

    `area` is a list of codes of the city's main layer, or codes by layer, all of which must hold. `keywords` are looked for in
    title, text and the source's own label, `address` in the address: upper and lower case, full and half width alike.
    `attribute` compares what the report carries under that name. `owner` is who owns the facility (属主), by `owners`.
    `weekdays` and `hours` are the city's local time of the report; `placed` asks whether there is a usable point at all.
    """

    area: tuple[ShortText, ...] | dict[Id, tuple[ShortText, ...]] | None = Field(None, min_length=1)
    channel: tuple[ShortText, ...] | None = Field(None, min_length=1)
    attribute: dict[ShortText, tuple[ShortText, ...]] | None = Field(None, min_length=1)
    keywords: tuple[ShortText, ...] | None = Field(None, min_length=1)
    address: tuple[ShortText, ...] | None = Field(None, min_length=1)
    owner: tuple[Id, ...] | None = Field(None, min_length=1)
    weekdays: tuple[Weekday, ...] | None = Field(None, min_length=1)
    hours: tuple[Span, ...] | None = Field(None, min_length=1)
    placed: bool | None = None

    @model_validator(mode="after")
    def _no_empty_lists(self) -> Self:
        for kind, values in (("area", self.area), ("attribute", self.attribute)):
            if isinstance(values, dict) and not all(values.values()):
                raise ValueError(f"an empty list under {kind} could never hold; name a value or remove it")
        if not all(word.strip() for word in (*(self.keywords or ()), *(self.address or ()))):
            raise ValueError("a word of blanks alone stands in every text; write the word, or remove it")
        return self

    @property
    def layers(self) -> dict[str, tuple[str, ...]]:
        """Codes by layer, with MAIN_LAYER for a plain list."""
        if self.area is None:
            return {}
        return dict(self.area) if isinstance(self.area, dict) else {MAIN_LAYER: self.area}


class _Dated(Strict):
    """In force from the start of one local day to the start of another. Not given: always."""

    effective_from: date | None = None
    effective_until: date | None = None
    """The first day on which the row no longer holds."""
    legal_basis: ShortText | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.effective_from and self.effective_until and self.effective_from >= self.effective_until:
            raise ValueError("effective_until is not after effective_from, so the row never holds; mend the dates")
        return self


class Route(_Dated):
    """Who is responsible. The first row that matches decides.

    `unit` names a unit of the department (organisation.yaml); `unit_of_area`: the one that serves the report's area, if any.
    `co_handlers` (协办) are told with the lead (主办) and share its clocks. With `joint: true` they are called together beside it
    (吹哨报到、联合处置): each has clocks of its own from the dispatch on. `to_owner` sends it to whoever owns the facility, and so
    holds only where `owners` knows that; `to_area` to the department of this kind that serves the report's area (属地,
    organisation.yaml), and so holds only where there is one. `department` is then not given.
    """

    id: RuleId
    when: RouteWhen = RouteWhen()
    department: Id | None = None
    to_owner: bool = False
    to_area: Id | None = None
    unit: Id | None = None
    unit_of_area: bool = False
    queue: ShortText | None = None
    co_handlers: tuple[Id, ...] = ()
    joint: bool = False
    priority: int | None = Field(None, ge=1, le=5)

    @model_validator(mode="after")
    def _one_lead(self) -> Self:
        leads = (self.department is not None, self.to_owner, self.to_area is not None)
        if sum(leads) != 1:
            raise ValueError(
                "a row names its department, or says `to_owner: true` or `to_area: KIND` and names none; give one of these"
            )
        if self.unit is not None and (self.unit_of_area or self.department is None):
            raise ValueError(
                "a row that names its unit neither asks the area for one nor who owns the facility; keep one"
            )
        if len(set(self.co_handlers)) < len(self.co_handlers) or self.department in self.co_handlers:
            raise ValueError("the lead or a co-handler stands in co_handlers a second time; name each department once")
        if self.joint and not self.co_handlers:
            raise ValueError("a joint row 联合处置 names in co_handlers whom it calls beside its lead; name them")
        return self


class Exit(_Dated):
    """What is settled before dispatch, by the first row that matches.

    emergency: `department` (the link to 110/119/120) gets it at once, whatever the routes say; the hub's case only mirrors.
    refuse: no order is made; the reporter is told `reply`, and why in one word: `reason`. progress: the same matter is being
    dealt with; the reporter is told how far it is.
    """

    id: RuleId
    when: RouteWhen
    exit: ExitKind
    department: Id | None = None
    line: ShortText | None = None
    """The emergency number (110, 119, 120) to show."""
    reason: Matter | None = None
    reply: Name | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.exit == "emergency" and (self.department is None or self.reason is not None):
            raise ValueError("an emergency exit names the department that is told at once, and no reason")
        if self.exit == "refuse" and (self.reason is None or self.reply is None):
            raise ValueError(f"a refusal names its reason ({', '.join(MATTERS)}) and the reply in both languages")
        if self.exit == "progress" and (self.reply is None or self.reason is not None):
            raise ValueError("a progress reply gives the reply in both languages, and no reason")
        if self.exit != "emergency" and (self.department is not None or self.line is not None):
            raise ValueError("only an emergency exit names a department or a line; nothing is dispatched here")
        return self


class Owners(Strict):
    """Who owns a facility (权属): the report's `attribute` names the facility or its owner, `departments` who that is.

    A key of `departments` that ends in * stands for every name that begins so; the longest that fits counts.
    """

    attribute: ShortText
    departments: dict[ShortText, Id] = Field(min_length=1)


class RoutesFile(Strict):
    """routes.yaml. `fallback` is tried, in order, for what no row takes and for categories nobody knows; then the desk."""

    exits: tuple[Exit, ...] = ()
    routes: tuple[Route, ...] = Field(min_length=1)
    fallback: tuple[Route, ...] = ()
    owners: Owners | None = None

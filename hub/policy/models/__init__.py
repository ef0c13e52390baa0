"""The rules of one city as strict, frozen models: what may stand in the files of a policy folder, and nothing else."""

from hub.policy.models.base import MAIN_LAYER, URGENCIES, Code, Id, Name, Pattern, RuleId, Strict, Text, Urgency
from hub.policy.models.calendars import WEEKDAYS, CalendarsFile, CalendarSpec, Span, Weekday, parse_span
from hub.policy.models.city import AreasFile, CityFile, DefaultPoint, TimeZone
from hub.policy.models.deadlines import CLOCKS, CONTINUOUS_UNITS, OFFICE_UNITS, Clock, DeadlineRule, DeadlinesFile, Unit
from hub.policy.models.examples import Example, ExampleEvent, ExampleOutcome, ExamplesFile, Instant
from hub.policy.models.linking import AfterClose, Learnt, LinkingFile, LinkRule, TextRule
from hub.policy.models.routes import (
    MATTERS,
    Exit,
    ExitKind,
    Matter,
    Owners,
    Route,
    RoutesFile,
    RouteWhen,
    When,
)
from hub.policy.models.taxonomy import Category, Department, DepartmentsFile, TaxonomyFile

__all__ = [
    "CLOCKS",
    "CONTINUOUS_UNITS",
    "MAIN_LAYER",
    "MATTERS",
    "OFFICE_UNITS",
    "URGENCIES",
    "WEEKDAYS",
    "AfterClose",
    "AreasFile",
    "CalendarSpec",
    "CalendarsFile",
    "Category",
    "CityFile",
    "Clock",
    "Code",
    "DeadlineRule",
    "DeadlinesFile",
    "DefaultPoint",
    "Department",
    "DepartmentsFile",
    "Example",
    "ExampleEvent",
    "ExampleOutcome",
    "ExamplesFile",
    "Exit",
    "ExitKind",
    "Id",
    "Instant",
    "Learnt",
    "LinkRule",
    "LinkingFile",
    "Matter",
    "Name",
    "Owners",
    "Pattern",
    "Route",
    "RouteWhen",
    "RoutesFile",
    "RuleId",
    "Span",
    "Strict",
    "TaxonomyFile",
    "Text",
    "TextRule",
    "TimeZone",
    "Unit",
    "Urgency",
    "Weekday",
    "When",
    "parse_span",
]

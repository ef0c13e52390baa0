"""Units of durations: one class each, with what a row may say of it and how it counts. `UNITS` has all of them by name."""

from hub.units import continuous, days, hours  # each registers its units
from hub.units.office import MillisArray, Office
from hub.units.unit import UNITS, Manner, Segment, Unit, parse_time_of_day, unit_of, zh_name

__all__ = [
    "UNITS",
    "Manner",
    "MillisArray",
    "Office",
    "Segment",
    "Unit",
    "continuous",
    "days",
    "hours",
    "parse_time_of_day",
    "unit_of",
    "zh_name",
]

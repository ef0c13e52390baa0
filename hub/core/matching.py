"""Whether an event meets the conditions of a policy row; the one place that says so for what all tables share."""

from __future__ import annotations

from hub.policy.divisions import Divisions
from hub.policy.models import Category, When


def matches(
    when: When,
    source: str,
    category: Category | None,
    area: str | None,
    urgency: str,
    divisions: Divisions | None = None,
) -> bool:
    """All conditions that are given hold. A category or area that is not known meets no condition on it. `divisions`: areas are a
    tree of codes, so that an area is in those above it."""
    return (
        (when.source is None or source in when.source)
        and (when.category is None or (category is not None and category.code in when.category))
        and (when.family is None or (category is not None and category.family in when.family))
        and (when.area is None or (area in when.area if divisions is None else divisions.within(area, when.area)))
        and (when.urgency is None or urgency in when.urgency)
    )

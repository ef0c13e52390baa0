"""Says of records in the hub's topics that are not the hub's own that they were stepped over, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence

from hub.screen import say

_NAMED = 5


def name_foreign(places: Sequence[str]) -> None:
    """Count and name them on stderr, if there are any."""
    if places:
        named = ", ".join(places[:_NAMED]) + (", ..." if len(places) > _NAMED else "")
        say(f"stepped over 跳过: {len(places):,} records that are not the hub's own: {named}", err=True)

"""Drops drafted rows that no report can reach: rows above take all they could match. Nothing is decided otherwise without them."""

from __future__ import annotations

from collections.abc import Sequence

from hub.learn.layers import AreaLayer
from hub.learn.rows import Drafted
from hub.policy.models import MAIN_LAYER, Category, Route
from hub.policy.reach import unreached
from hub.policy.space import Space


def reachable(
    routes: Sequence[Drafted], fallback: Sequence[Drafted], categories: Sequence[Category], layers: Sequence[AreaLayer]
) -> tuple[list[Drafted], list[Drafted], list[str]]:
    """The routes and fallback rows that can be reached, and the ids of those that cannot."""
    every = [*routes, *fallback]
    rows = [each.row for each in every if isinstance(each.row, Route)]
    assert len(rows) == len(every)
    main = layers[0].layer if layers else MAIN_LAYER
    codes = {layer.layer: frozenset(area.code for area in layer.areas) for layer in layers} or {MAIN_LAYER: frozenset()}
    days = [day for row in rows for day in (row.effective_from, row.effective_until)]
    space = Space([row.when for row in rows], categories, codes, None, days, main)
    boxes = [space.row(row, unknown_category=at >= len(routes)) for at, row in enumerate(rows)]
    lost = unreached(boxes, space.domains)
    kept = [at for at in range(len(every)) if at not in lost]
    return (
        [every[at] for at in kept if at < len(routes)],
        [every[at] for at in kept if at >= len(routes)],
        [rows[at].id for at in lost],
    )

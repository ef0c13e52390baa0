"""divisions.yaml: areas as a tree of codes, from province to grid, and what codes of others stand for. The file may be left out."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from hub.policy.models.base import Id, Name, ShortText, Strict

AreaCode = Annotated[str, Field(pattern=r"^[0-9A-Z]{1,30}$")]
"""A code of a division (区划代码) or of a grid (网格编码): each of them begins with that of the one above it."""
Digits = Annotated[int, Field(ge=1, le=30)]

NATIONAL_LEVELS: dict[Id, tuple[Digits, ...]] = {
    "province": (2,), "city": (4,), "county": (6,), "town": (9,), "village": (12,), "grid": (14, 15, 17, 18, 20),
}  # fmt: skip
"""How many digits a code of each level has: GB/T 2260 to the county, GB/T 10114 to town and village, and the grids that are used
below."""


class DivisionsFile(Strict):
    """divisions.yaml. The codes of a city are those that begin with `root` and have as many digits as some level.

    Zeros that fill a code up to more digits are left out (530402000000 is the county 530402). What a source sends as code or as
    grid is looked up in its own table under `sources` first, then in `replaced`, where the longest code that it begins with
    counts, and what stands behind that stays (撤县设区).
    """

    root: AreaCode
    levels: dict[Id, tuple[Digits, ...]] = Field(default_factory=lambda: dict(NATIONAL_LEVELS), min_length=1)
    """From above to below."""
    places: Id = "county"
    """The level whose codes key places: reports of one such area are decided together, and linked with each other."""
    names: dict[AreaCode, Name] = Field(default_factory=dict)
    replaced: dict[AreaCode, AreaCode] = Field(default_factory=dict)
    """Codes that were, and those that took their place."""
    sources: dict[Id, dict[ShortText, AreaCode]] = Field(default_factory=dict)
    """By source, its own codes and what they are here."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.places not in self.levels:
            raise ValueError(f"`places` names a level, one of {', '.join(self.levels)}")
        if not all(self.levels.values()):
            raise ValueError("a level without digits has no codes; say how many, or remove it")
        if any(max(above) >= min(below) for above, below in pairwise(self.levels.values())):
            raise ValueError("levels stand from above to below, each with more digits than the one before; sort them")
        return self

"""organisation.yaml: who stands above whom, and who works below a department. Posts, never persons. It may be left out."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from hub.policy.models.base import Id, Name, ShortText, Strict


class DepartmentPlace(Strict):
    """Where a department of departments.yaml stands among the others."""

    parent: Id | None = None
    """The department above it."""
    kind: Id = "department"
    areas: tuple[ShortText, ...] = ()
    """Areas of the main layer that it serves, with all that lies in them."""
    desk: bool = False
    """It is the dispatch desk 派单台 of its areas: it gets what no row takes there, and what is refused there."""


class OrganisationUnit(Strict):
    """Who works below a department, and has no topics of its own: a unit, team, grid, post, company (科室、班组、网格、岗位、企业).
    Orders and updates name it as their `unit`."""

    id: Id
    parent: Id
    """A department, or another unit of it."""
    kind: Id
    name: Name | None = None
    areas: tuple[ShortText, ...] = ()
    """Areas that it serves: a case of its department goes to the unit with the smallest area around it."""


class RungSpec(Strict):
    """A rung of supervision (督办阶梯): a step that every city has (reminded 催办, supervised 督办, notified 通报), or one of
    steps.yaml. It comes by the word of a desk or supervisor, or by itself where a row of deadlines.yaml says `climbs`; clocks that
    it starts are its due dates.

    Beside the holder is told who stands so many above it (`above`), or the nearest of this `kind` above it.
    """

    rung: Id
    above: int | None = Field(None, ge=1, le=50)
    kind: Id | None = None
    legal_basis: ShortText | None = None

    @model_validator(mode="after")
    def _one_addressee(self) -> Self:
        if self.above is not None and self.kind is not None:
            raise ValueError(
                "a rung says how many stand between, or of what kind who is told is; give one of `above` and `kind`"
            )
        return self


STANDARD_LADDER = tuple(RungSpec(rung=rung) for rung in ("reminded", "supervised", "notified"))
"""Where a city names none: 催办, 督办, 通报, told to the holder alone."""


class OrganisationFile(Strict):
    """organisation.yaml. `ladder`: from below to above. `says`: by kind of unit what such a unit may say, as events that clocks
    know; a kind that is not there may say what its department may."""

    departments: dict[Id, DepartmentPlace] = Field(default_factory=dict)
    units: tuple[OrganisationUnit, ...] = ()
    says: dict[Id, tuple[Id, ...]] = Field(default_factory=dict)
    ladder: tuple[RungSpec, ...] = STANDARD_LADDER

"""organisation.yaml: who stands above whom, and who works below a department. Posts, never persons. It may be left out."""

from __future__ import annotations

from pydantic import Field

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


class OrganisationFile(Strict):
    """organisation.yaml"""

    departments: dict[Id, DepartmentPlace] = Field(default_factory=dict)
    units: tuple[OrganisationUnit, ...] = ()

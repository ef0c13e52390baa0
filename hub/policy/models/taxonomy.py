"""taxonomy.yaml and departments.yaml: what cases are about, and who acts."""

from __future__ import annotations

from pydantic import Field

from hub.policy.models.base import CategoryCode, Id, Name, PatternText, ShortText, Strict


class Category(Strict):
    """What a case is about. Linking works within a family."""

    code: CategoryCode
    name: Name
    family: Id
    aliases: tuple[ShortText, ...] = ()
    patterns: tuple[PatternText, ...] = ()


class TaxonomyFile(Strict):
    """taxonomy.yaml"""

    categories: tuple[Category, ...] = Field(min_length=1)


class Department(Strict):
    """Who acts."""

    id: Id
    name: Name
    purpose: Id | None = None
    """What it takes part for, of privacy.yaml; without one it needs all of a report."""


class DepartmentsFile(Strict):
    """departments.yaml"""

    departments: tuple[Department, ...] = Field(min_length=1)

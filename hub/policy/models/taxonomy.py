"""taxonomy.yaml and departments.yaml: what cases are about, and who acts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, Field

from hub.model.outputs import Order, Receipt
from hub.policy.models.base import CategoryCode, Id, Name, PatternText, ShortText, Strict


@cache
def _fields_told() -> frozenset[str]:
    """The paths of all fields of what a department is told."""
    return frozenset(path for record in (Order, Receipt) for path in _paths(record, ""))


def _paths(record: type[BaseModel], within: str) -> Iterator[str]:
    for name, field in record.model_fields.items():
        yield f"{within}{name}"
        for inner in _records(field.annotation):
            yield from _paths(inner, f"{within}{name}.")


def _records(hint: Any) -> Iterator[type[BaseModel]]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for inner in get_args(hint):
        yield from _records(inner)


def _told(path: str) -> str:
    if path not in _fields_told():
        raise ValueError("is no field of an order or a receipt; `cityhub contract show ID --page` has them all")
    return path


FieldTold = Annotated[str, AfterValidator(_told)]


class Category(Strict):
    """What a case is about. Linking works within a family."""

    code: CategoryCode
    name: Name
    family: Id
    aliases: tuple[ShortText, ...] = ()
    patterns: tuple[PatternText, ...] = ()


class TaxonomyFile(Strict):
    """taxonomy.yaml. `aliases`: by the name of a taxonomy what it calls categories, by their codes. A label
    that ends in * stands for every label that begins so, such as all kinds of a third level below one of the second."""

    categories: tuple[Category, ...] = Field(min_length=1)
    aliases: dict[Id, dict[CategoryCode, tuple[ShortText, ...]]] = Field(default_factory=dict)


class Department(Strict):
    """Who acts. `reads`: the fields of orders and receipts that its client says it reads (`event.text`, `deadlines.due_at`); none
    said: all. `cityhub schema impact` goes by it."""

    id: Id
    name: Name
    purpose: Id | None = None
    """What it takes part for, of privacy.yaml; without one it needs all of a report."""
    reads: tuple[FieldTold, ...] = ()


class DepartmentsFile(Strict):
    """departments.yaml"""

    departments: tuple[Department, ...] = Field(min_length=1)

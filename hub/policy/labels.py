"""What further taxonomies call a city's categories (`aliases` in taxonomy.yaml): joined to them, and what is wrong there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hub.declared.document import Location
from hub.declared.problems import hint
from hub.policy.city import fold, label_key
from hub.policy.models import Category, TaxonomyFile

_ANY = "*"
"""At the end of a label: and whatever follows."""


def with_aliases(file: TaxonomyFile) -> tuple[Category, ...]:
    """The categories with what all taxonomies call them."""
    added: dict[str, list[str]] = {}
    for codes in file.aliases.values():
        for code, labels in codes.items():
            added.setdefault(code, []).extend(labels)
    return tuple(_with(category, added.get(category.code, ())) for category in file.categories)


def _with(category: Category, labels: Sequence[str]) -> Category:
    if not labels:
        return category
    whole = dict.fromkeys((*category.aliases, *(label for label in labels if not label.endswith(_ANY))))
    begins = [f"^{re.escape(fold(label[:-1]))}" for label in labels if label.endswith(_ANY)]
    return category.model_copy(update={"aliases": tuple(whole), "patterns": (*category.patterns, *begins)})


def alias_mistakes(file: TaxonomyFile) -> Iterator[tuple[Location, str]]:
    """Place and what is wrong: a category that is not there, a label that means another already."""
    codes = {category.code for category in file.categories}
    owner = {label_key(alias): category.code for category in file.categories for alias in category.aliases}
    owner |= {label_key(code): code for code in codes}
    for taxonomy, labels_of in file.aliases.items():
        for code, labels in labels_of.items():
            where: Location = ("aliases", taxonomy, code)
            if code not in codes:
                yield where, f"there is no category {code!r}; {hint(code, codes)}"
            for position, label in enumerate(labels):
                if (other := owner.setdefault(label_key(label), code)) != code:
                    yield (*where, position), f"the alias {label!r} already means {other!r}; keep it in one category"

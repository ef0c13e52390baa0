"""Loads one city's policy folder, or says everything that is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import BaseModel

from hub.declared.document import Document, read_document
from hub.declared.problems import Problems
from hub.declared.texts import read_bytes
from hub.policy.areas import read_areas
from hub.policy.checks import Checker
from hub.policy.city import City
from hub.policy.divisions import Divisions
from hub.policy.inclusion import BESIDE, NOT_INCLUDED, Combined, Pack, combined, packs_of
from hub.policy.labels import alias_mistakes, with_aliases
from hub.policy.models import (
    DEFAULT_CLOCKS,
    CalendarsFile,
    CityFile,
    DeadlinesFile,
    DepartmentsFile,
    DivisionsFile,
    ExamplesFile,
    LinkingFile,
    OrganisationFile,
    PrivacyFile,
    RoutesFile,
    StepsFile,
    TaxonomyFile,
)
from hub.policy.organisation import Organisation
from hub.policy.parts import Parts

_FILES: dict[str, type[BaseModel]] = {
    "city.yaml": CityFile,
    "taxonomy.yaml": TaxonomyFile,
    "departments.yaml": DepartmentsFile,
    "routes.yaml": RoutesFile,
    "deadlines.yaml": DeadlinesFile,
    "calendars.yaml": CalendarsFile,
    "linking.yaml": LinkingFile,
    "examples.yaml": ExamplesFile,
}
_OPTIONAL: dict[str, type[BaseModel]] = {
    "privacy.yaml": PrivacyFile, "steps.yaml": StepsFile, "divisions.yaml": DivisionsFile,
    "organisation.yaml": OrganisationFile,
}  # fmt: skip
"""What a folder may leave out: it was whole before there were these."""


def load_city(folder: Path, sources: Collection[str] | None = None) -> City:
    """The city of `folder`. Raises DeclarationError, which lists every mistake with file, line and way out.

    `sources`: those that report here, so that others are mistakes. None where the hub runs: a worker that has one connector less
    than another goes by the same rules.
    """
    problems = Problems(f"the policy folder {folder}")
    if not folder.is_dir():
        problems.add(str(folder), 0, "there is no such folder; --city or CITYHUB_CITY must name a policy folder")
        problems.raise_if_any()
    city = read_document(folder / "city.yaml", problems)
    packs = packs_of(folder, city, problems)
    documents = _documents(folder, packs, city, problems)
    models: dict[str, BaseModel] = {}
    for file, document in documents.items():
        model = document.validate((_FILES | _OPTIONAL)[file], problems)
        if model is not None:
            models[file] = model
    _stray_files(folder, "", _FILES | _OPTIONAL, problems)
    for pack in packs:
        _stray_files(pack.folder, f"{pack.name}/", (*pack_files(), *BESIDE), problems)
    problems.raise_if_any()
    return _assemble(folder, packs, models, documents, problems, sources)


def pack_files() -> tuple[str, ...]:
    """The files of rows that a pack may have."""
    return tuple(file for file in _FILES | _OPTIONAL if file not in NOT_INCLUDED)


def _documents(folder: Path, packs: Sequence[Pack], city: Document | None, problems: Problems) -> dict[str, Document]:
    """Each kind of file as the city has it: its own, and what its packs have of it."""
    found: dict[str, Document] = {} if city is None else {"city.yaml": city}
    for file in _FILES | _OPTIONAL:
        if file == "city.yaml":
            continue
        packed = [each for each in packs if file not in NOT_INCLUDED and (each.folder / file).exists()]
        own = (folder / file).exists() or (file in _FILES and not packed)
        paths = [
            *([(folder / file, file)] if own else []),
            *((each.folder / file, f"{each.name}/{file}") for each in packed),
        ]
        documents = [read_document(path, problems, name) for path, name in paths]
        there = [document for document in documents if document is not None]
        if there:
            found[file] = combined(file, there, problems)
    return found


def _stray_files(folder: Path, prefix: str, names: Collection[str], problems: Problems) -> None:
    """A misspelt file name would silently mean an empty file; so it is a mistake."""
    for path in sorted(folder.glob("*.y*ml")):
        if path.name not in names:
            problems.add(
                f"{prefix}{path.name}",
                0,
                f"not a file of a {'flow pack' if prefix else 'policy folder'}; rename or remove it (known: {', '.join(names)})",
            )


def _assemble(
    folder: Path,
    packs: Sequence[Pack],
    models: dict[str, BaseModel],
    documents: dict[str, Document],
    problems: Problems,
    sources: Collection[str] | None,
) -> City:
    city, taxonomy, departments = models["city.yaml"], models["taxonomy.yaml"], models["departments.yaml"]
    routes, deadlines, calendars = models["routes.yaml"], models["deadlines.yaml"], models["calendars.yaml"]
    linking, examples = models["linking.yaml"], models["examples.yaml"]
    assert isinstance(city, CityFile)
    assert isinstance(taxonomy, TaxonomyFile)
    assert isinstance(departments, DepartmentsFile)
    assert isinstance(routes, RoutesFile)
    assert isinstance(deadlines, DeadlinesFile)
    assert isinstance(calendars, CalendarsFile)
    assert isinstance(linking, LinkingFile)
    assert isinstance(examples, ExamplesFile)
    privacy = models.get("privacy.yaml", PrivacyFile())
    assert isinstance(privacy, PrivacyFile)
    steps = models.get("steps.yaml", StepsFile())
    assert isinstance(steps, StepsFile)
    spec = models.get("divisions.yaml")
    assert spec is None or isinstance(spec, DivisionsFile)
    divisions = None if spec is None else Divisions(spec)
    tree = models.get("organisation.yaml")
    assert tree is None or isinstance(tree, OrganisationFile)
    areas = read_areas(folder, city.areas, problems) if city.areas else ()
    layers = {spec.layer: read_areas(folder, spec, problems) for spec in city.layers}
    parts = Parts(
        city=city,
        categories=with_aliases(taxonomy),
        departments=departments.departments,
        areas=frozenset(area.code for area in areas),
        routes=routes.routes,
        deadlines=deadlines.deadlines,
        calendars=calendars.calendars,
        linking=linking.linking,
        examples=examples.examples,
        layers={name: frozenset(area.code for area in found) for name, found in layers.items()},
        exits=routes.exits,
        fallback=routes.fallback,
        owners=routes.owners,
        clocks=deadlines.clocks,
        area_classes=deadlines.area_classes,
        steps=steps.steps,
        outcomes=steps.outcomes,
        conditions=deadlines.conditions,
        templates=deadlines.templates,
        privacy=privacy,
        divisions=divisions,
        organisation=tree,
    )
    for where, what in alias_mistakes(taxonomy):
        problems.add(*documents["taxonomy.yaml"].place(where), what)
    problems.raise_if_any()
    Checker(parts, documents, problems, sources).run()
    problems.raise_if_any()
    return City(
        folder=folder,
        file=city,
        categories={category.code: category for category in parts.categories},
        departments={department.id: department for department in departments.departments},
        areas=areas,
        routes=routes.routes,
        deadlines=deadlines.in_force,
        calendars=dict(calendars.calendars),
        linking=linking.linking,
        examples=examples.examples,
        fingerprint=_fingerprint(folder, packs, {*models, *(spec.file for spec in (city.areas, *city.layers) if spec)}),
        included=tuple(pack.name for pack in packs),
        replaced=tuple(
            each for document in documents.values() if isinstance(document, Combined) for each in document.replaced
        ),
        layers=layers,
        exits=routes.exits,
        fallback=routes.fallback,
        owners=routes.owners,
        clocks={**DEFAULT_CLOCKS, **deadlines.clocks},
        area_classes=deadlines.area_classes,
        privacy=privacy,
        steps=steps.steps,
        outcomes=steps.outcomes,
        conditions=deadlines.conditions,
        divisions=divisions,
        organisation=None if tree is None else Organisation(tree, parts.department_ids, divisions),
    )


def _fingerprint(folder: Path, packs: Sequence[Pack], files: Collection[str]) -> str:
    """Of all that was read, by the names that the city gives it: where the folders lie does not count."""
    read = {file: folder / file for file in files}
    for pack in packs:
        read |= {f"{pack.name}/{file}": pack.folder / file for file in pack_files()}
    digest = hashlib.sha256()
    for name, path in sorted(read.items()):
        if not path.exists():
            continue  # what is put together has no file of its own in every folder
        content = read_bytes(path)
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]

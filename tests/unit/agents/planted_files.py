"""Copies of the connectors' files with a person in every column that can hold one, for whoever looks for that person elsewhere."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from hub.declared.document import read_yaml
from hub.sdk.manifest import Manifest, discover, load_manifest
from hub.sdk.mapping.mapping import Mapping, load_mapping
from hub.sdk.mapping.personal import BY_REFERENCE, personal_columns
from hub.sdk.sources.file.join import Input
from hub.testing.source_suite import fixture_inputs

REPORTER = {
    "name": "欧阳小明",
    "phone": "13800138000",
    "identity": "110101199003078515",
    "home": "幸福里9号楼3单元",
    "mail": "ouyang@example.org",
}
"""What the source knows of who reported. It has no business anywhere."""
WRITTEN = "张大伟家13911112222"
"""What somebody wrote, in all that a mapping carries."""


def planted_connector(domain: str, name: str, folder: Path) -> tuple[Manifest, Input]:
    """The connector whose mapping knows what is personal, and a file of its own with a person in each column that can hold one."""
    shipped = discover()[domain]
    each = fixture_inputs(shipped)[name]
    copied = Path(shutil.copytree(shipped.folder, folder / domain))
    manifest = load_manifest(copied)
    path = manifest.mapping_path(name)
    declared = read_yaml(path)
    mapping = load_mapping(path)
    columns, coded = personal_columns(mapping), codes(mapping)
    carried = {
        column
        for column, kinds in columns.items()
        if kinds not in (BY_REFERENCE, "reference", "place") and column not in coded
    } | addresses(mapping)
    file = folder / each.file.name
    if declared["format"] == "jsonl":
        declared["personal"] = [*mapping.personal, "reporter"]
        planted_lines(each.file, file, carried)
    else:
        declared["personal"] = [*mapping.personal, *(f"reporter_{part}" for part in REPORTER)]
        planted_cells(each.file, file, carried, mapping)
    path.write_text(yaml.safe_dump(declared, allow_unicode=True), "utf-8")
    return manifest, Input(file=file, mapping=name, join=each.join)


def codes(mapping: Mapping) -> set[str]:
    """Columns of closed lists and references."""
    event = mapping.event
    specs = [
        event.source_ref,
        event.category,
        event.channel,
        event.kind,
        event.urgency,
        event.revision,
        event.reported_at,
    ]
    found = {column for spec in [*specs, event.place.code] if spec is not None for column in spec.columns()}
    return found | {each.column for each in mapping.where}


def addresses(mapping: Mapping) -> set[str]:
    address = mapping.event.place.address
    return set(address.columns()) - codes(mapping) if address is not None else set()


def planted_cells(shipped: Path, file: Path, carried: Iterable[str], mapping: Mapping) -> None:
    header, *rows = csv.reader(io.StringIO(shipped.read_text("utf-8")), delimiter=mapping.delimiter)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=mapping.delimiter)
    writer.writerow([*header, *(f"reporter_{part}" for part in REPORTER)])
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        cells |= {column: WRITTEN for column in carried if column in cells}
        cells |= {column: REPORTER["name"] for column in mapping.personal if column in cells}
        writer.writerow([*cells.values(), *REPORTER.values()])
        spoilt = {
            name: WRITTEN if name in mapping.event.reported_at.columns() else text for name, text in cells.items()
        }
        writer.writerow([*spoilt.values(), *REPORTER.values()])
    writer.writerow([*REPORTER.values(), *REPORTER.values()])
    file.write_text(out.getvalue(), "utf-8")


def planted_lines(shipped: Path, file: Path, carried: Iterable[str]) -> None:
    lines = []
    for line in shipped.read_text("utf-8").splitlines():
        row = json.loads(line)
        for column in carried:
            put(row, column.split("."))
        late = {"time": {"reported": WRITTEN}, "reportTime": WRITTEN}
        lines += [row | {"reporter": REPORTER}, row | {"reporter": [REPORTER]} | late]
    text = [json.dumps(row, ensure_ascii=False) for row in lines]
    file.write_text("\n".join([*text, f'{{"reporter": "{REPORTER["name"]}', f'["{REPORTER["phone"]}"]', ""]), "utf-8")


def put(row: dict[str, Any], path: list[str]) -> None:
    for name in path[:-1]:
        row = row.setdefault(name, {}) if isinstance(row.get(name, {}), dict) else {}
    row[path[-1]] = [WRITTEN] if path[-1] == "photos" else WRITTEN

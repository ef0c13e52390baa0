"""Routing rows in a policy folder: every mistake on its line, unreached rows by name, and what a valid table holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.declared.problems import DeclarationError
from hub.policy import load_city
from tests.unit.policy.policy_folder import FILES, write_folder

HEAD = FILES["routes.yaml"]  # seven lines
WARDS = FILES["areas.geojson"].replace('"A1"', '"W1"').replace('"A2"', '"W2"')
CITY = FILES["city.yaml"] + "layers:\n  - {layer: wards, file: wards.geojson, code: code, name: name}\n"
REPLY = "reply: {en: Told elsewhere, zh: 另案处理}"


def load(folder: Path, more: str, **changed: str) -> object:
    (folder / "wards.geojson").write_text(WARDS, encoding="utf-8")
    write_folder(folder, **{"city_yaml": CITY, "routes_yaml": HEAD + more, **changed})
    return load_city(folder)


ROW = "  - {id: new, department: roads, "
MISTAKES = [
    (f"{ROW}when: {{area: {{ward: [W1]}}}}}}\n", 8, "there is no layer 'ward'; did you mean 'wards'?"),
    (f"{ROW}when: {{area: {{wards: [W9]}}}}}}\n", 8, "there is no area 'W9'"),
    (f"{ROW}when: {{area: {{wards: []}}}}}}\n", 8, "could never hold"),
    (f"{ROW}when: {{area: {{area: [A9]}}}}}}\n", 8, "there is no area 'A9'"),
    (f"{ROW}when: {{hours: ['8-9']}}}}\n", 8, "write it like '08:30-12:00'"),
    (f"{ROW}when: {{weekdays: [monday]}}}}\n", 8, "'mon'"),
    (f"{ROW}when: {{keyword: [x]}}}}\n", 8, "did you mean 'keywords'?"),
    (f"{ROW}when: {{owner: [roads]}}}}\n", 8, "there is no `owners`"),
    (f"{ROW}co_handlers: [dsk]}}\n", 8, "did you mean 'desk'?"),
    (f"{ROW}co_handlers: [roads]}}\n", 8, "a second time"),
    (f"{ROW}to_owner: true}}\n", 8, "give one of these"),
    ("  - {id: new, when: {urgency: [ROUTINE]}}\n", 8, "give one of these"),
    (f"{ROW}effective_from: 2026-02-01, effective_until: 2026-01-01}}\n", 8, "never holds"),
    (f"{ROW}when: {{family: [road], keywords: [deep]}}}}\n", 8, "row 'road' (line 2) above takes all"),
    (f"{ROW}when: {{urgency: [URGENT], area: [A1], channel: [app]}}}}\n", 8, "row 'rest' (line 5) above takes all"),
    (f"{ROW}when: {{placed: true}}}}\n  - {{id: none, department: roads, when: {{placed: false}}}}\n"
     "  - {id: last, department: roads}\n", 10, "row 'last' is never reached: rows above"),
    (f"{ROW}when: {{hours: ['00:00-09:00', '09:00-24:00']}}}}\n  - {{id: last, department: roads}}\n", 9,
     "row 'new' (line 8) above takes all"),
    (f"{ROW}effective_until: 2026-06-01}}\n  - {{id: then, department: roads, effective_from: 2026-06-01}}\n"
     "  - {id: last, department: roads}\n", 10, "never reached"),
    (f"{ROW}when: {{keywords: [light]}}}}\n  - {{id: lamp, department: roads, when: {{keywords: [street light]}}}}\n", 9,
     "row 'new' (line 8) above takes all"),
    (f"{ROW}when: {{attribute: {{kind: ['1']}}}}}}\n  - {{id: b, department: roads, when: {{attribute: {{kind: [' 1']}}}}}}\n", 9,
     "above takes all"),
    ("fallback:\n  - {id: road, department: roads}\n", 9, "a second time"),
    ("fallback:\n  - {id: rods, department: rods}\n", 9, "there is no department 'rods'"),
    ("owners:\n  attribute: facility\n  departments: {'L*': lights}\n", 10, "there is no department 'lights'"),
    (f"exits:\n  - {{id: out, exit: refuse, when: {{}}, {REPLY}}}\n", 9, "names its reason"),
    (f"exits:\n  - {{id: out, exit: emergency, when: {{}}, {REPLY}}}\n", 9, "names the department"),
    ("exits:\n  - {id: out, exit: progress, when: {}}\n", 9, "gives the reply"),
    (f"exits:\n  - {{id: out, exit: refuse, reason: litigation, when: {{}}, {REPLY}, department: desk}}\n", 9,
     "only an emergency"),
    ("exits:\n  - {id: out, exit: emergency, when: {family: [road]}, department: desk}\n", 2, "row 'out' (line 9) above takes all"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "line", "said"), MISTAKES)
def test_refused_on_its_line(tmp_path: Path, more: str, line: int, said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        load(tmp_path, more)
    found = [(problem.file, problem.line, problem.what) for problem in caught.value.problems]
    assert any(file == "routes.yaml" and at == line and said in what for file, at, what in found), found


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ("  - {layer: area, file: wards.geojson, code: code, name: name}\n", "always means the main layer"),
        ("  - {layer: w, file: wards.geojson, code: code, name: name}\n" * 2, "two layers are called 'w'"),
        ("  - {layer: w, file: gone.geojson, code: code, name: name}\n", "the file is missing"),
    ],
)
def test_layers_refused(tmp_path: Path, layers: str, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        load(tmp_path, "", city_yaml=FILES["city.yaml"] + "layers:\n" + layers)


def test_a_table_with_everything(tmp_path: Path) -> None:
    city = load(
        tmp_path,
        "  - {id: ward, department: roads, queue: East, co_handlers: [desk], when: {area: {wards: [W1], area: [A1]}}}\n"
        "  - {id: night, department: desk, when: {hours: ['22:00-24:00', '00:00-06:00'], weekdays: [sat, sun]}}\n"
        "  - {id: owner, to_owner: true}\n"
        "fallback:\n  - {id: anything, department: roads, when: {placed: true}}\n"
        "owners: {attribute: facility, departments: {L*: roads}}\n"
        f"exits:\n  - {{id: court, exit: refuse, reason: litigation, when: {{attribute: {{matter: [诉讼]}}}}, {REPLY}}}\n",
    )
    assert [row.id for row in city.routes] == ["road", "rest", "ward", "night", "owner"]
    assert city.routes[2].when.layers == {"wards": ("W1",), "area": ("A1",)}
    assert list(city.layers) == ["wards"]
    assert city.version.startswith("small@2026-01-01+")


def test_the_fingerprint_covers_every_layer(tmp_path: Path) -> None:
    first = load(tmp_path, "")
    (tmp_path / "wards.geojson").write_text(WARDS.replace('"One"', '"1"'), encoding="utf-8")
    assert load_city(tmp_path).fingerprint != first.fingerprint

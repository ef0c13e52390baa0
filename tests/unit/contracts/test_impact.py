"""`cityhub schema impact`: what changes, who reads it, and whether old and new go together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from hub.cli.main import cli
from hub.contracts.impact import changed_fields, holders, paths
from hub.contracts.readers import readers, uses
from hub.errors import FatalError
from hub.policy.models.taxonomy import Department
from hub.settings import ROOT
from hub.stream.avro.registry import FileRegistry

REGISTRY = FileRegistry()
DEMO = ROOT / "ops" / "cities" / "demo"
SINKS = """
sinks:
  to_table: {kind: sql, departments: [roads], settings: {}}
  to_hook: {kind: webhook, departments: "*", settings: {}}
  only_cases: {kind: sql, take: [cases], settings: {}}
"""


def declared(record: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(REGISTRY.latest(f"cityhub.{record}").declared))
    return found


def field_of(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in schema["fields"] if each["name"] == name)
    return found


class Asked:
    """What the command says of a schema, in a city where `roads` has said what it reads."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._city = folder, folder / "city"
        shutil.copytree(DEMO, self._city)
        path = self._city / "departments.yaml"
        path.write_text(
            path.read_text("utf-8").replace("id: roads,", "id: roads, reads: [case_id, event.text],"), "utf-8"
        )
        (folder / "connectors.yaml").write_text(SINKS, "utf-8")
        monkeypatch.setenv("CITYHUB_CONNECTORS", str(folder / "connectors.yaml"))

    def __call__(self, schema: Any, *options: str) -> Any:
        file = self._folder / "next.avsc"
        file.write_text(schema if isinstance(schema, str) else json.dumps(schema), "utf-8")
        return CliRunner().invoke(cli, ["schema", "impact", str(file), "--city", str(self._city), *options])


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(tmp_path, monkeypatch)


def test_a_field_that_goes_meets_all_who_read_it(ask: Asked) -> None:
    schema = declared("Order")
    schema["fields"].remove(field_of(schema, "queue"))
    result = ask(schema, "--json")
    told = json.loads(result.stdout)
    (change,) = told["changes"]
    assert (told["subject"], change["field"], change["change"]) == ("cityhub.Order", "queue", "is gone 移除")
    assert change["sinks"] == ["to_hook", "to_table"]
    assert "roads" not in change["departments"], "it has said that it does not read it"
    assert "water_supply" in change["departments"], "it has said nothing"
    assert any(place.startswith("hub/sdk/sinks/rows.py:") for place in change["hub"]["sinks"])
    assert not any(name.startswith("agent") for name in change["hub"]), "no agent reads orders"
    assert result.exit_code == 0, "by Avro's rules old and new read each other: the default stands in"


def test_a_record_that_lies_in_others_meets_their_readers_too(ask: Asked) -> None:
    schema = declared("CaseEvent")
    field_of(schema, "text")["type"] = ["null", "string"]
    result = ask(schema, "--json")
    told = json.loads(result.stdout)
    assert told["also_in"] == ["cityhub.AdmittedEvent", "cityhub.Order"]
    (change,) = told["changes"]
    assert {"agent deduplicate", "agent route", "web"} <= change["hub"].keys()
    assert "roads" in change["departments"]
    assert result.exit_code == 1
    assert told["cannot_be_read_by"]
    assert not told["cannot_read"]


def test_what_is_new_or_nothing(ask: Asked) -> None:
    schema = declared("Receipt")
    assert changed_fields(declared("Receipt"), schema) == []
    schema["fields"].append({"name": "fresh", "type": "string", "default": ""})
    assert [(each.path, each.what) for each in changed_fields(declared("Receipt"), schema)] == [
        ("fresh", "is new 新增")
    ]
    schema["fields"].append({"name": "hard", "type": "string"})
    result = ask(schema)
    assert result.exit_code == 1
    assert "hard is new, without a default" in result.stdout
    assert "hard: is new and has no default" in result.stderr


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '"string"', '{"type": "record"}', '{"type": "enum", "name": "E", "symbols": []}']
)
def test_what_is_no_schema_is_said(ask: Asked, text: str) -> None:
    assert isinstance(ask(text).exception, FatalError)


def test_a_subject_that_is_none_is_said(ask: Asked) -> None:
    result = ask({"type": "record", "name": "Other", "namespace": "cityhub", "fields": []})
    assert isinstance(result.exception, FatalError)


def test_fields_within_records_are_compared_by_their_paths() -> None:
    before, after = declared("Order"), declared("Order")
    event = next(each for each in field_of(after, "event")["type"] if isinstance(each, dict))
    field_of(event, "category")["default"] = ""
    assert [each.path for each in changed_fields(before, after)] == ["event.category"]
    assert {"event.place.lat", "deadlines.due_at"} <= set(paths(before))
    assert holders("Place", {"a": before, "b": declared("Receipt")}) == ["a"]


def test_every_agent_is_found_to_read_what_it_decides_by() -> None:
    agents = {each.name.removeprefix("agent "): each for each in readers()}
    for agent, field in (("deduplicate", "source_ref"), ("route", "category"), ("track", "step"), ("web", "due_at")):
        assert uses(field, agents[agent].modules), (agent, field)
    assert uses("no_such_field", agents["track"].modules) == []


def test_a_department_reads_fields_that_there_are() -> None:
    name = {"en": "Roads", "zh": "道路"}
    assert Department.model_validate({"id": "roads", "name": name, "reads": ("event.place.lat",)}).reads
    with pytest.raises(ValidationError, match="no field of an order"):
        Department.model_validate({"id": "roads", "name": name, "reads": ("event.colour",)})

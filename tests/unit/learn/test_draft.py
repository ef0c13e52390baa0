"""A draft made of a simulated past: it loads, decides as the city did, and says what speaks for each row."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hub.backtest.intake import HistoryIntake
from hub.backtest.judging.truth import TruthRow, TruthTable
from hub.cli.policy.learn import learn
from hub.cli.policy.scoreboard import scoreboard
from hub.errors import FatalError
from hub.learn.departments import DepartmentIds
from hub.learn.layers import read_layer
from hub.learn.reading import build_history
from hub.learn.taxonomy import LabelCodes
from hub.model.event import CaseEvent
from hub.policy.loader import load_city
from hub.settings import ROOT
from hub.simulator.generate import Plan, statements
from hub.simulator.scene import scene_of
from tests.unit.learn.past_files import HistoryFiles, write_history

DEMO = ROOT / "ops" / "cities" / "demo"
START_MS = 1_772_402_400_000  # 2026-03-02 06:00 in Shanghai


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> HistoryFiles:
    """Ninety days, some two thousand reports."""
    city = load_city(DEMO)
    said = statements(Plan(START_MS, 7, 90.0, 25), scene_of(city))
    return write_history(tmp_path_factory.mktemp("past"), city, said)


def _arguments(past: HistoryFiles, out: Path) -> list[str]:
    return ["--events", str(past.events), "--mapping", str(past.mapping), "--truth", str(past.truth), "--out", str(out)]


def test_a_draft_loads_and_tells_what_speaks_for_it(past: HistoryFiles, tmp_path: Path) -> None:
    out = tmp_path / "drafted_city"
    areas = f"{DEMO / 'areas.geojson'}:code"
    result = CliRunner().invoke(learn, [*_arguments(past, out), "--areas", areas, "--json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    city = load_city(out)
    assert city.id == "drafted_city"
    assert {area.code for area in city.areas} == {area.code for area in load_city(DEMO).areas}
    assert report["reports"] == len(past.events.read_text("utf-8").splitlines()) - 1
    assert len(city.routes) > 5
    assert "reports, confidence" in (out / "routes.yaml").read_text(encoding="utf-8")
    assert "# drafted_city: a policy drafted" in (out / "README.md").read_text(encoding="utf-8")


def test_the_small_scoreboard(past: HistoryFiles, tmp_path: Path) -> None:
    """Learnt on two months, judged on the third: what the simulated city does by rule is found again.

    But not all: where a category's own limit stands before those of urgency (order.building), two months have too few of it.
    """
    plan = tmp_path / "plan.yaml"
    measures = [("due", "later", 0.88), ("breach", "later", 0.9), ("breach", "source", 1.0), ("department", "later", 0.9),
                ("queue", "later", 0.5), ("due", "monthly", 0.88)]  # fmt: skip
    rows = "\n".join(
        f"      - {{what: {of} {on}, of: {of}, run: {on}, simple: '-', goal: {goal}}}" for of, on, goal in measures
    )
    plan.write_text(
        f"title: small\ncities:\n  - name: simulated\n    events: {past.events.name}\n    truth: {past.truth.name}\n"
        f"    mapping: {past.mapping}\n    learn_until: '2026-05-01'\n    judge_from: '2026-05-01'\n"
        f"    judge_until: '2026-06-01'\n    measures:\n{rows}\n",
        encoding="utf-8",
    )
    out = tmp_path / "board"
    arguments = ["--data", str(past.events.parent), "--plan", str(plan), "--out", str(out), "--json"]
    result = CliRunner().invoke(scoreboard, arguments, catch_exceptions=False)
    reached = {(row["of"], row["run"]): row for row in json.loads(result.stdout)}
    missed = {key: (row["reached"], row["goal"]) for key, row in reached.items() if not row["met"]}
    assert not missed
    assert result.exit_code == 0
    assert "| due later |" in (out / "scoreboard.md").read_text(encoding="utf-8")


def test_until_lets_nothing_of_later_through(past: HistoryFiles, tmp_path: Path) -> None:
    """What was reported later does not change what is learnt of before."""
    cut = tmp_path / "cut.csv"
    with past.events.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    limit = datetime.fromisoformat("2026-04-01")
    early = [row for row in rows[1:] if datetime.fromisoformat(row[2]) < limit]
    with cut.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([rows[0], *early])
    until = ["--until", "2026-04-01", "--name", "one"]
    CliRunner().invoke(learn, [*_arguments(past, tmp_path / "a"), *until], catch_exceptions=False)
    arguments = _arguments(past, tmp_path / "b")
    arguments[1] = str(cut)
    CliRunner().invoke(learn, [*arguments, *until], catch_exceptions=False)
    for name in (
        "routes.yaml",
        "deadlines.yaml",
        "calendars.yaml",
        "linking.yaml",
        "taxonomy.yaml",
        "departments.yaml",
    ):
        assert (tmp_path / "a" / name).read_text("utf-8") == (tmp_path / "b" / name).read_text("utf-8"), name


def test_a_written_policy_is_not_overwritten(past: HistoryFiles, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "city.yaml").write_text("id: mine\n", encoding="utf-8")
    with pytest.raises(FatalError, match="was not drafted"):
        CliRunner().invoke(learn, _arguments(past, out), catch_exceptions=False)


def test_without_a_truth_the_draft_says_what_it_lacks(past: HistoryFiles, tmp_path: Path) -> None:
    arguments = ["--events", str(past.events), "--mapping", str(past.mapping), "--out", str(tmp_path / "out"), "--json"]
    report = json.loads(CliRunner().invoke(learn, arguments, catch_exceptions=False).stdout)
    assert any("names no departments" in note for note in report["notes"])
    load_city(tmp_path / "out")


@given(st.lists(st.text(max_size=60), max_size=30))
def test_codes_are_valid_and_tell_labels_apart(labels: list[str]) -> None:
    codes = LabelCodes(labels)
    found = codes.categories()  # the models refuse what is not a code
    assert len({each.category.code for each in found}) == len(found)
    assert sum(each.support for each in found) == len(labels)
    assert {codes.of(label) for label in labels} == {each.category.code for each in found}


@given(st.lists(st.text(min_size=1, max_size=60), max_size=30))
def test_departments_have_ids_of_their_own(words: list[str]) -> None:
    ids = DepartmentIds(words)
    assert len({each.id for each in ids.departments}) == len(ids.departments)
    assert {ids.of(word) for word in words} == {each.id for each in ids.departments} - {"dispatch_desk"}


def _event(ref: str, at_ms: int, **fields: object) -> CaseEvent:
    said = {
        "source": "hotline", "source_ref": ref, "revision": 0, "kind": "OPENED", "category": "Hole", "urgency": "ROUTINE",
        "title": "", "text": "", "channel": "", "reported_at": at_ms, "place": {"lat": 30.0, "lon": 100.0},
    }  # fmt: skip
    return CaseEvent.model_validate(said | fields)


def test_a_point_where_all_sorts_of_addresses_lie_is_nowhere() -> None:
    events = [
        _event(f"n{n}", START_MS + n, place={"lat": 30.5, "lon": 100.5, "address": f"{n} Some Street"})
        for n in range(60)
    ]
    events += [
        _event(f"p{n}", START_MS + n, place={"lat": 30 + n / 100, "lon": 100.0, "address": "x"}) for n in range(40)
    ]
    read = build_history(HistoryIntake(events=events), None, [], "Asia/Shanghai")
    assert read.nowhere == [(30.5, 100.5)]
    assert read.history.lat.null_count == 60


def test_a_history_is_what_was_known_then() -> None:
    events = [_event("a", START_MS), _event("b", START_MS + 10), _event("c", START_MS + 20)]
    rows = {
        "a": TruthRow(closed_ms=START_MS + 5, duplicate=True, duplicate_of="b"),
        "b": TruthRow(closed_ms=START_MS + 50, duplicate=True, due_ms=START_MS + 7),
    }
    history = build_history(
        HistoryIntake(events=events), TruthTable(rows), [], "Asia/Shanghai", until_ms=START_MS + 20
    ).history
    assert history.ref.to_pylist() == ["a", "b"]
    assert history.closed_ms.to_pylist() == [START_MS + 5, None]
    assert history.duplicate.to_pylist() == [True, None]
    assert history.duplicate_of.to_pylist() == ["b", None]
    assert history.due_ms.to_pylist() == [None, START_MS + 7]
    assert history.take(pa.array([1])).ref.to_pylist() == ["b"]


def _layer(path: Path, rows: list[dict[str, object]], side: float = 0.1) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": row,
            "geometry": {"type": "Polygon", "coordinates": [[[n, 0], [n + side, 0], [n + side, 1], [n, 1], [n, 0]]]},
        }
        for n, row in enumerate(rows)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def test_the_code_of_an_area_is_found(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"OBJECTID": n, "ward": f"W{n}", "label": f"Ward number {n}", "SHAPE_Area": n * 3} for n in range(4)
    ]
    layer = read_layer(_layer(tmp_path / "City Wards.geojson", rows))
    assert (layer.layer, layer.code_property) == ("city_wards", "ward")
    assert [(area.code, area.name) for area in layer.areas] == [(f"W{n}", f"Ward number {n}") for n in range(4)]


def test_parts_of_one_area_are_joined(tmp_path: Path) -> None:
    path = _layer(tmp_path / "w.geojson", [{"code": "a"}, {"code": "b"}, {"code": "a"}])
    assert [area.code for area in read_layer(path, "code").areas] == ["a", "b"]


def test_areas_in_metres_are_refused(tmp_path: Path) -> None:
    path = _layer(tmp_path / "w.geojson", [{"code": str(n)} for n in range(3)], side=5000.0)
    with pytest.raises(FatalError, match="not in degrees"):
        read_layer(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "Topology"}, r"w\.geojson: says `type` 'Topology'"),
        ({"features": [{"type": "Row", "properties": {"code": "a"}, "geometry": None}]}, "feature 1 says `type` 'Row'"),
        ({"features": [7]}, "feature 1 is no object"),
        ({"features": {}}, "no features"),
    ],
)
def test_what_is_no_collection_of_features_is_no_layer(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    path = _layer(tmp_path / "w.geojson", [{"code": "a"}])
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), encoding="utf-8")
    with pytest.raises(FatalError, match=said):
        read_layer(path)


def test_areas_that_name_another_reference_system_are_refused(tmp_path: Path) -> None:
    path = _layer(tmp_path / "w.geojson", [{"code": "a"}])
    content = json.loads(path.read_text("utf-8")) | {"crs": {"type": "name", "properties": {"name": "EPSG:2437"}}}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(FatalError, match=r"w\.geojson: its `crs` says EPSG:2437"):
        read_layer(path)

"""Rows that are a department's updates: fields, words of its own, mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.errors import FatalError, RejectedRecordError
from hub.model.update import Update, UpdateStatus, UpdateStep
from hub.sdk.mapping.fields import Mapper
from hub.sdk.mapping.mapping import Mapping, load_mapping
from hub.sdk.mapping.updates import department_update

MAPPING: dict[str, Any] = {
    "description": "what an office says",
    "format": "csv",
    "update": {
        "update_id": {"template": "{case}-{state}"},
        "case_id": "case",
        "status": {"column": "state", "map": {"taken": "ACCEPTED", "there": "arrived", "moved": "TRANSFERRED", "x": "UNHEARD"}},
        "at": {"column": "at", "formats": ["iso"]},
        "note": "words",
        "to": "to",
        "members": "members",
        "score": "score",
        "solved": "solved",
        "outcome": {"column": "result", "map": {"": "", "调解成功": "mediated", "挂账": "parked"}},
        "unit": "crew",
        "until": {"column": "until", "formats": ["%Y-%m-%d"], "time_zone": "Asia/Shanghai"},
    },
}  # fmt: skip
ROW = {"case": "C-1", "state": "taken", "at": "2026-03-02T12:00:00+08:00", "words": "A crew. " * 200}


def said(**changes: str) -> Update:
    (event,) = Mapper(Mapping.model_validate(MAPPING), "office").events(ROW | changes)
    return department_update(event, "roads")


def test_a_row_is_an_update() -> None:
    update = said()
    assert (update.update_id, update.department, update.case_id) == ("C-1-taken", "roads", "C-1")
    assert (update.status, update.step, update.note) == (
        UpdateStatus.ACCEPTED,
        UpdateStep.AS_STATUS,
        ROW["words"].strip(),
    )
    assert update.at == 1_772_424_000_000


def test_who_of_the_department_says_so() -> None:
    assert said().unit is None
    assert said(crew="patrol").unit == "patrol"


def test_steps_lists_numbers_and_yes() -> None:
    update = said(state="moved", to="water_supply", members="a, b；c", score="95.0", solved="是")
    assert (update.status, update.step, update.to) == (UpdateStatus.REFUSED, UpdateStep.TRANSFERRED, "water_supply")
    assert (update.members, update.score, update.solved) == (["a", "b", "c"], 95, True)
    assert said(state="there").step is UpdateStep.ARRIVED


def test_what_a_resolution_came_to_is_said_in_words_of_its_own() -> None:
    assert said(state="taken").outcome is None
    assert said(result="调解成功").outcome == "mediated"
    update = said(result="挂账", until="2026-05-01")
    assert (update.outcome, update.until) == ("parked", 1_777_564_800_000)
    with pytest.raises(RejectedRecordError, match="a time is not in any of the formats"):
        said(until="soon")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": "x"}, "status is none of"), ({"case": ""}, "case_id"), ({"at": ""}, "reported_at is empty"),
        ({"score": "high 13800138000"}, "score is not a whole number"), ({"solved": "perhaps"}, "solved is neither"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_told_without_a_quotation(changes: dict[str, str], why: str) -> None:
    with pytest.raises(RejectedRecordError, match=why) as caught:
        said(**changes)
    assert not any(value and value in str(caught.value) for value in changes.values() if len(value) > 2)


def test_a_mapping_is_of_events_or_of_updates(tmp_path: Path) -> None:
    file = tmp_path / "both.yaml"
    file.write_text(yaml.safe_dump(MAPPING | {"event": {"source_ref": "a", "reported_at": "b"}}), "utf-8")
    with pytest.raises(FatalError, match="leave one of"):
        load_mapping(file)

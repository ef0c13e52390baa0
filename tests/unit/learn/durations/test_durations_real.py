"""Due times learnt from half a year of a real city and judged on the next quarter. Needs the data; see CITYHUB_DATA."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.csv as csv
import pytest

from hub.core.deadlines.rules import DeadlineRules
from hub.learn.durations.cases import cases_from
from hub.learn.durations.learn import learn_from
from hub.learn.durations.policy import deadline_rules

DATA = os.environ.get("CITYHUB_DATA")
ZONE = "America/New_York"
pytestmark = pytest.mark.skipif(not DATA, reason="CITYHUB_DATA does not say where the real data are")


def instants(column: list[datetime | None]) -> np.ndarray:  # type: ignore[type-arg]
    """UTC ms of local times, NaN where there is none."""
    zone = ZoneInfo(ZONE)
    return np.array([np.nan if one is None else one.replace(tzinfo=zone).timestamp() * 1000 for one in column])


@pytest.mark.timeout(600)
def test_half_a_year_teaches_the_next_quarter() -> None:
    folder = Path(DATA or "")
    reports = csv.read_csv(folder / "boston311_2015_dev_events.csv", convert_options=csv.ConvertOptions(
        include_columns=["CASE_ENQUIRY_ID", "OPEN_DT", "TYPE"]))  # fmt: skip
    truth = csv.read_csv(folder / "boston311_2015_dev_truth.csv", convert_options=csv.ConvertOptions(
        include_columns=["CASE_ENQUIRY_ID", "TARGET_DT"], timestamp_parsers=["%Y-%m-%d %H:%M:%S"]))  # fmt: skip
    joined = reports.join(truth, "CASE_ENQUIRY_ID", join_type="left outer").sort_by("OPEN_DT")
    opened = instants(joined["OPEN_DT"].to_pylist()).astype(np.int64)
    due = instants(joined["TARGET_DT"].to_pylist())
    codes = [re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_") for label in joined["TYPE"].to_pylist()]
    cut = int(datetime(2015, 7, 1, tzinfo=ZoneInfo(ZONE)).astimezone(UTC).timestamp() * 1000)
    before = np.flatnonzero(opened < cut)
    learnt = learn_from(cases_from(opened[before], due[before], [codes[at] for at in before], ZONE))
    city = SimpleNamespace(
        time_zone=ZONE, calendars=dict(learnt.calendars), deadlines=deadline_rules(learnt), area_classes={}, clocks={},
        divisions=None,
        category_of=lambda code: SimpleNamespace(code=code, family="any"),
    )  # fmt: skip
    judged = np.flatnonzero((opened >= cut) & np.isfinite(due))
    same: list[list[str]] = [[word] * len(judged) for word in ("hotline", "ROUTINE")]
    found = DeadlineRules(city).due([codes[at] for at in judged], *same, [None] * len(judged), opened[judged])  # type: ignore[arg-type]
    right = [bool(dues) and abs(dues[0].due_ms - due[at]) <= 60_000 for dues, at in zip(found, judged, strict=True)]
    assert float(np.mean(right)) >= 0.97

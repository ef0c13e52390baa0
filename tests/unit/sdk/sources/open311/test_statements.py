"""What requests say, as statements."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.sources.open311.statements import StatementReader

READER = StatementReader(("iso", "ymd", "%m/%d/%Y %I:%M:%S %p"), "Asia/Shanghai")
MADE = {
    "service_request_id": "7", "status": "open", "service_code": "1", "description": "<p>Deep</p>", "lat": "1", "long": "2",
    "requested_datetime": "2026-01-06T08:00:00+08:00", "expected_datetime": "0000-00-00",
}  # fmt: skip
LATER = st.fixed_dictionaries({
    "status": st.sampled_from(["open", "closed", "Fixed", "in progress"]),
    "status_notes": st.sampled_from(["", "Filled"]),
    "updated_datetime": st.sampled_from(["", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z", "soon", None]),
})  # fmt: skip


def test_a_request_that_was_only_made_is_one_statement() -> None:
    (opened,) = READER.statements(dict(MADE))
    assert opened == {
        "service_request_id": "7", "status": "open", "status_word": "open", "service_code": "1", "description": "Deep", "lat": "1",
        "long": "2", "requested_datetime": "2026-01-06T00:00:00Z", "statement": "opened", "said_at": "2026-01-06T00:00:00Z",
    }  # fmt: skip


@given(LATER)
def test_what_happens_later_does_not_change_what_was_said_first(later: dict[str, Any]) -> None:
    first, *rest = READER.statements(MADE | later)
    assert first == READER.statements(dict(MADE))[0]
    if rest:
        assert rest[0]["statement"] == ("closed" if later["status"] in ("closed", "Fixed") else "open")
        assert rest[0]["said_at"] >= first["said_at"]
    else:
        assert later["status"] in ("open", "in progress")


@pytest.mark.parametrize(("written", "said_at"), [
    ("2026/1/6 8:00:00", "2026-01-06T00:00:00Z"), ("01/06/2026 08:00:00 AM", "2026-01-06T00:00:00Z"),
    ("soon", "soon"), ("", ""),
])  # fmt: skip
def test_times_are_read_as_declared_and_what_is_none_is_left_to_the_mapping(written: str, said_at: str) -> None:
    (opened,) = READER.statements(MADE | {"requested_datetime": written})
    assert opened["said_at"] == said_at


@pytest.mark.parametrize("half", [{"lat": None}, {"long": ""}, {"lat": " ", "long": "2"}])
def test_half_a_point_is_none(half: dict[str, Any]) -> None:
    (opened,) = READER.statements(MADE | half)
    assert "lat" not in opened
    assert "long" not in opened


@pytest.mark.parametrize(("status", "statement"), [
    ("CLOSED", "closed"), ("FIXED", "closed"), ("IN_PROGRESS", "amended"), ("OPEN", "amended"), ("REOPEN", "open"),
])  # fmt: skip
def test_an_update_opens_nothing_again_but_by_its_word(status: str, statement: str) -> None:
    update = {"update_id": 9, "service_request_id": 7, "status": status, "updated_datetime": "2026-01-07T00:00:00Z",
              "description": "Li<br>Lei"}  # fmt: skip
    alone, beside = READER.update(update, None), READER.update(update, dict(MADE))
    assert (alone["statement"], alone["description"], alone["update_id"]) == (statement, "Li\nLei", "9")
    assert (beside["statement"], beside["description"], beside["status_notes"]) == (statement, "Deep", "Li\nLei")
    assert alone["said_at"] == beside["said_at"] == "2026-01-07T00:00:00Z"
    assert READER.update(update | {"updated_datetime": None}, dict(MADE))["said_at"] == ""

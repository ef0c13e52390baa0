"""The page for departments' own clients: its code works, and it names what there is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub.model.outputs import OrderKind
from hub.model.update import Update, UpdateStatus
from hub.settings import ROOT
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry

PAGE = (ROOT / "ops" / "contracts" / "departments.md").read_text("utf-8")


def test_every_kind_and_status_is_explained() -> None:
    for name in (*OrderKind, *UpdateStatus, *Update.model_fields):
        assert f"`{name}`" in PAGE, name


CLIENT, TESTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the client's code defines before it connects."""
    monkeypatch.chdir(ROOT)
    found: dict[str, Any] = {}
    exec(CLIENT.partition("consumer = ")[0], found)
    return found


def test_its_own_test_passes(names: dict[str, Any]) -> None:
    exec(TESTS, names)
    names["test_an_order_is_accepted_and_then_forgotten"]()


def test_its_python_speaks_the_hubs_wire_format(names: dict[str, Any]) -> None:
    update = {
        "update_id": "U1", "revision": 0, "department": "roads", "case_id": "C-1", "status": "ACCEPTED",
        "at": 1_767_000_000_000, "note": "已派单",
    }  # fmt: skip
    codec = Codec(FileRegistry())
    assert names["encode"](update) == codec.encode_one("cityhub.Update", update)
    assert names["decode"](codec.encode_one("cityhub.Update", update))["note"] == "已派单"

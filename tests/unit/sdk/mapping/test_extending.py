"""Mappings that extend one of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import FatalError
from hub.sdk.mapping.extending import bases
from hub.sdk.mapping.fields import Mapper
from hub.sdk.mapping.mapping import load_mapping

REQUEST = {
    "service_request_id": "7", "statement": "opened", "said_at": "2026-01-06T00:00:00Z", "service_code": "001", "email": "x",
    "service_name": "Pothole", "description": "Deep", "lat": "0.0", "long": "0", "expected_datetime": "2026-01-09T00:00:00Z",
    "zipcode": "12", "ward": "3", "media_url": "http://example.org/a,b.jpg",
}  # fmt: skip


def declared(folder: Path, text: str) -> Path:
    path = folder / "m.yaml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("name", bases())
def test_every_base_is_a_mapping_by_itself(name: str, tmp_path: Path) -> None:
    assert load_mapping(declared(tmp_path, f"extends: {name}")).description


def test_what_is_said_stands_instead_and_lists_behind(tmp_path: Path) -> None:
    mapping = load_mapping(declared(tmp_path, """
extends: open311
description: ours
personal: [reporter]
event:
  category: {column: service_code, map: {"001": roads.pothole}}
  due_at: null
  place: {code: ward}
  attributes: {zipcode: null, quarter: ward}
"""))  # fmt: skip
    assert (mapping.description, mapping.personal[0], mapping.personal[-1]) == ("ours", "first_name", "reporter")
    event = Mapper(mapping, "city").event(REQUEST)
    assert event is not None
    assert (event.category, event.category_label, event.due_at) == ("roads.pothole", "Pothole", None)
    assert (event.place.code, event.place.lat, event.attributes) == ("3", None, {"quarter": "3"})
    assert [each.uri for each in event.attachments] == ["http://example.org/a,b.jpg"]


def test_a_base_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="no mapping 'open3'"):
        load_mapping(declared(tmp_path, "extends: open3\ndescription: x"))

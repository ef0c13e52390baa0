"""Everything lost and put back: the broker's disk from an image, the rest from a backup. Workers go on, nothing counts twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hub.broker.kafka import EmbeddedKafka
from hub.inspect.reading import read_messages, spans
from hub.topics import CASES, EVENTS
from tests.integration.small_hub import SmallHub, case_event, own_city, small_settings

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


def test_rules_ledger_positions_and_topics_come_back_and_nothing_is_admitted_twice(tmp_path: Path) -> None:
    disk, image, archive = tmp_path / "kafka", tmp_path / "image", tmp_path / "hub.tar.gz"
    before, after = (
        [case_event("hotline", f"{name}-{number}", place=_place(number)) for number in range(6)]
        for name in ("before", "after")
    )
    city = own_city(tmp_path)
    position = tmp_path / "state" / "cursors" / "hotline.json"
    with EmbeddedKafka(disk) as kafka:
        hub = SmallHub(small_settings(kafka.bootstrap_servers, "restored.", tmp_path / "state", city=city))
        try:
            hub.publish(*before)
            hub.settle(lambda found: found.good and len(_refs(hub)) == len(before))
        finally:
            hub.worker.stop()
        _typed(hub, "ledger", "rebuild")
        position.parent.mkdir(exist_ok=True)
        position.write_text('{"row": 6}', "utf-8")
        listed = _listed(hub)
        _typed(hub, "backup", str(archive))
        port = int(kafka.bootstrap_servers.rpartition(":")[2])
    shutil.copytree(disk, image)

    for lost in (disk, tmp_path / "state", city):
        shutil.rmtree(lost)
    shutil.copytree(image, disk)
    _typed(hub, "restore", str(archive))
    assert position.read_text("utf-8") == '{"row": 6}'
    assert _listed(hub) == listed

    with EmbeddedKafka(disk, port):
        _typed(hub, "state")
        _typed(hub, "reconcile", "--state")
        hub.restart()
        try:
            hub.publish(*before, *after)  # sources that read from some time before the image
            report = hub.settle(lambda found: found.good and len(_refs(hub)) == len(before) + len(after))
            assert (report.unaccounted, report.doubled, report.gone) == (0, 0, 0)
        finally:
            hub.worker.stop()
        assert sorted(_admitted(hub)) == sorted(each["source_ref"] for each in (*before, *after))
        _typed(hub, "ledger", "rebuild")
        _typed(hub, "reconcile", "--state")


def _typed(hub: SmallHub, *arguments: str) -> None:
    said = hub.type(*arguments)
    assert said.exit_code == 0, said.output


def _listed(hub: SmallHub) -> list[tuple[str, str, str]]:
    """The ledger's cases."""
    lines = hub.type("cases", "--json").stdout.splitlines()
    found = sorted((each["case_id"], each["state"], each["due_at"]) for each in map(json.loads, lines))
    assert len(found) == 6
    return found


def _place(number: int) -> dict[str, Any]:
    place: dict[str, Any] = case_event("hotline", "")["place"]
    return place | {"lat": 34.02 + number / 100, "address": f"{number} Quay 码头路"}


def _records(hub: SmallHub, topic: str) -> list[dict[str, Any]]:
    batches = read_messages(hub.settings, spans(hub.settings, [topic]))
    return [hub.codec.decode_one(message.value())[1] for batch in batches for message in batch]


def _refs(hub: SmallHub) -> set[str]:
    """Reports that belong to a case."""
    return {each["source_ref"] for each in _records(hub, CASES.name)}


def _admitted(hub: SmallHub) -> list[str]:
    """Reports that were let through, as often as they were."""
    return [each["event"]["source_ref"] for each in _records(hub, EVENTS.name)]

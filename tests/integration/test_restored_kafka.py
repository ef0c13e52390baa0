"""The broker's disk is lost and put back from an image of before: workers go on, what sources say again counts once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from hub.broker.kafka import EmbeddedKafka
from hub.inspect.reading import read_messages, spans
from hub.topics import CASES
from tests.integration.small_hub import SmallHub, case_event, small_settings

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


def test_an_image_of_the_disk_and_what_sources_say_again(tmp_path: Path) -> None:
    disk, image = tmp_path / "kafka", tmp_path / "image"
    before, since, after = (
        [case_event("hotline", f"{name}-{number}", place=_place(number)) for number in range(6)]
        for name in ("before", "since", "after")
    )
    with EmbeddedKafka(disk) as kafka:
        hub = SmallHub(small_settings(kafka.bootstrap_servers, "restored.", tmp_path / "state"))
        try:
            hub.publish(*before)
            hub.settle(lambda found: found.good and len(_refs(hub)) == len(before))
        finally:
            hub.worker.stop()
        port = int(kafka.bootstrap_servers.rpartition(":")[2])
    shutil.copytree(disk, image)

    with EmbeddedKafka(disk, port):
        hub.restart()
        try:
            hub.publish(*since)
            hub.settle(lambda found: found.good and len(_refs(hub)) == len(before) + len(since))
        finally:
            hub.worker.stop()
    shutil.rmtree(disk)
    shutil.copytree(image, disk)

    with EmbeddedKafka(disk, port):
        assert hub.type("state").exit_code == 0
        hub.restart()
        try:
            hub.publish(*before, *since, *after)  # a connector that reads from some time before the image
            report = hub.settle(lambda found: found.good and len(_refs(hub)) == 18)
            assert (report.unaccounted, report.doubled, report.gone) == (0, 0, 0)
        finally:
            hub.worker.stop()


def _place(number: int) -> dict[str, Any]:
    place: dict[str, Any] = case_event("hotline", "")["place"]
    return place | {"lat": 34.02 + number / 100, "address": f"{number} Quay 码头路"}


def _refs(hub: SmallHub) -> set[str]:
    """Reports that belong to a case."""
    batches = read_messages(hub.settings, spans(hub.settings, [CASES.name]))
    return {hub.codec.decode_one(message.value())[1]["source_ref"] for batch in batches for message in batch}

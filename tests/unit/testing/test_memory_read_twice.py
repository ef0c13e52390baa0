"""Two runners that do not know of each other (each has a state folder of its own) read one edge: the hub takes it in once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.model.event import CaseEvent
from hub.policy import load_city
from hub.sdk.manifest import find_manifest
from hub.sdk.running.runner import RunnerOptions, run_source
from hub.sdk.sources.file.join import Input
from hub.settings import ROOT, Settings
from hub.testing.files import police_file
from hub.testing.memory import MemoryHub
from hub.testing.source_suite import MemoryPublisher

CITY = load_city(ROOT / "ops" / "cities" / "demo")


def read_by(machine: str, folder: Path, file: Path) -> Sequence[CaseEvent]:
    """What a runner with a state folder of its own publishes of the file."""
    sent = MemoryPublisher()
    options = RunnerOptions(stop=threading.Event(), cursor_dir=folder / machine / "cursors")
    run_source(find_manifest("police"), [Input(file=file)], Settings(state_dir=folder / machine), options, sent)
    return sent.events


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sequence[CaseEvent], Sequence[CaseEvent]]:
    folder = tmp_path_factory.mktemp("two-machines")
    file = police_file(folder / "a.csv", 7)
    return read_by("one", folder, file), read_by("other", folder, file)


def test_neither_hears_of_the_other_and_both_say_the_same(
    both: tuple[Sequence[CaseEvent], Sequence[CaseEvent]],
) -> None:
    one, other = both
    assert len(one) == 7
    assert one == other


@settings(max_examples=15)
@given(ahead=st.integers(-7, 7), between=st.integers(0, 7))
def test_what_both_publish_is_admitted_once(
    both: tuple[Sequence[CaseEvent], Sequence[CaseEvent]], ahead: int, between: int
) -> None:
    """However far one is ahead of the other, and wherever the hub's agents start anew in between."""
    one, other = both
    padded = zip_longest([None] * max(0, -ahead) + list(one), [None] * max(0, ahead) + list(other))
    arriving = [each for each in chain.from_iterable(padded) if each is not None]
    with MemoryHub(CITY, max(each.reported_at for each in one)) as hub:
        hub.publish(*arriving[:between])
        hub.run()
        hub.restart("deduplicate")
        hub.publish(*arriving[between:])
        hub.run()
        admitted = Counter(each["event"]["source_ref"] for each in hub.records("hub.events"))
        assert admitted == Counter(each.source_ref for each in one)
        repeated = Counter(each["source_ref"] for each in hub.records("hub.repeats"))
        assert repeated == Counter(each.source_ref for each in other)
        assert not hub.records("hub.dead")
        account, state = hub.audit()
        assert account.good and state.good  # noqa: PT018 - the two of one audit

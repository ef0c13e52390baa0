"""A changelog that has not what was committed with its offsets is refused, and never taken for a fresh start; on a real Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from hub.errors import FatalError
from hub.inspect.reading import committed_offsets
from hub.stream import session as session_module
from hub.stream.admin.topics import ensure_topics
from hub.stream.changelog.checkpoints import RING
from hub.stream.changelog.proving import accept_loss, prove
from hub.stream.kafka.client import client_config
from hub.stream.writing.writer import Output, TransactionWriter
from hub.topics import CASES, DEDUPLICATE_CHANGELOG, TRACK_CHANGELOG
from tests.integration.kafka_accidents import delete_before, make_anew, wait_until_left
from tests.integration.small_hub import SmallHub, case_event, running_hub, wait_for
from tests.integration.small_plane import (
    AGENT,
    IN,
    MEMORY,
    PARTITIONS,
    Plane,
    count_up,
    held_in,
    new_state,
    read_some,
    settled,
)

pytestmark = pytest.mark.kafka


def work_off(plane: Plane, records: int, wanted: dict[int, dict[str, int]] | None = None) -> None:
    """A worker that knows what is wanted, and then reads and commits so many records."""
    with plane.session(state := new_state()) as session:
        messages = read_some(session, records)
        if wanted is not None:
            assert {number: held for number, held in held_in(state).items() if held} == wanted
        if messages:
            assert settled(plane, session, state, messages, count_up(state)) == [None]


def faults(plane: Plane) -> dict[int, str]:
    proofs = prove(plane.settings, AGENT, [IN.name], MEMORY, 0)
    return {proof.partition: proof.fault for proof in proofs if proof.fault is not None}


def test_a_changelog_made_anew_ends_the_worker(plane: Plane) -> None:
    plane.feed(b"a", b"a")
    work_off(plane, 2)
    make_anew(plane.settings, MEMORY)
    plane.feed(b"a")
    with pytest.raises(FatalError, match=r"plane\.memory\[0\].*commit 1 is its last, and it has no record of any"):
        work_off(plane, 1)
    assert plane.offsets() == [2, 0, 0]
    assert faults(plane).keys() == {0, 1, 2}, "each was named by the first commit"


def test_a_changelog_made_anew_under_its_worker_is_refused_however_much_was_committed_since(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made anew when the worker had read it, and had not written yet: nothing that is written then is out of place."""
    plane.feed(b"a", b"a")
    work_off(plane, 2)
    monkeypatch.setattr(session_module, "_LOOK_EVERY_SECONDS", 3600.0)
    with plane.session(state := new_state()) as session:
        read_some(session, 0)
        session.fill(1, 0.0)  # the first look is at once
        make_anew(plane.settings, MEMORY)
        for _ in range(RING + 1):
            plane.feed(b"b")
            assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
    with pytest.raises(FatalError, match=r"commit 1 stays in it for good, and is not there"):
        work_off(plane, 0)
    assert faults(plane).keys() == {0, 1, 2}


def test_a_worker_ends_when_its_changelog_is_another(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "_LOOK_EVERY_SECONDS", 0.1)
    plane.feed(b"a")
    with plane.session(new_state()) as session:
        read_some(session, 1)
        make_anew(plane.settings, MEMORY)
        with pytest.raises(FatalError, match=r"plane\.memory was deleted and made anew while its state was held here"):
            wait_for(lambda: session.fill(1, 0.05), "it ends")


def test_a_changelog_with_too_few_partitions_leaves_no_number_unread(plane: Plane) -> None:
    """Its group shares out the changelog's partitions: what counts to one that is not there would be read by nobody."""
    client, name = AdminClient(client_config(plane.settings, "accident")), plane.settings.topic(MEMORY.name)
    client.delete_topics([name])[name].result()
    wait_for(lambda: name not in client.list_topics(timeout=60).topics, "the topic is still there")
    ensure_topics(plane.settings.model_copy(update={"partitions": PARTITIONS - 1}), [MEMORY])
    plane.feed(b"a", partition=PARTITIONS - 1)
    with pytest.raises(FatalError, match=r"plane\.memory has 2 of 3 partitions"):
        work_off(plane, 1)


def test_the_other_partitions_are_served(plane: Plane, caplog: pytest.LogCaptureFixture) -> None:
    for partition in range(PARTITIONS):
        plane.feed(b"a", partition=partition)
    work_off(plane, PARTITIONS)
    delete_before(plane.settings, MEMORY, 1, -1)
    for partition in range(PARTITIONS):
        plane.feed(b"b", partition=partition)
    with plane.session(state := new_state()) as session:
        messages = read_some(session, 2)
        assert session.own_numbers == [0, 2]
        assert settled(plane, session, state, messages, count_up(state)) == [None]
        assert held_in(state) == {0: {"a": 1, "b": 1}, 2: {"a": 1, "b": 1}}
    assert plane.offsets() == [2, 1, 2]
    assert "partition 1 is refused, and nothing of it decided" in caplog.text
    assert "--accept-loss counter:1" in caplog.text


@pytest.mark.parametrize("later", [0, 3])
def test_a_commit_without_its_changelog_record_is_found(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, later: int
) -> None:
    """As a broker can lose one that a transaction is committed without; also when others have followed."""
    plane.feed(b"a")
    work_off(plane, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionWriter, "write", _without(plane.settings.topic(MEMORY.name), TransactionWriter.write))
        plane.feed(b"b")
        with plane.session(state := new_state()) as session:
            messages = read_some(session, 1)
            assert settled(plane, session, state, messages, count_up(state)) == [None]
            patch.undo()
            for _ in range(later):
                plane.feed(b"c")
                assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
    with pytest.raises(FatalError, match=r"commit 2 is its last|commit 2 follows commit 1"):
        work_off(plane, 0)


def _without(topic: str, write: Callable[..., None]) -> Callable[..., None]:
    def hollow(writer: TransactionWriter, outputs: Iterable[Output], *others: Any) -> None:
        write(writer, [output for output in outputs if output.topic != topic], *others)

    return hollow


def test_a_loss_that_is_accepted_is_lived_with_from_then_on(plane: Plane) -> None:
    plane.feed(b"a", b"a")
    work_off(plane, 2)
    make_anew(plane.settings, MEMORY)
    wait_until_left(plane.settings, AGENT)
    accept_loss(plane.settings, AGENT, [IN.name], range(PARTITIONS))
    assert faults(plane) == {}
    plane.feed(b"a")
    work_off(plane, 1, wanted={})
    plane.feed(b"b")
    work_off(plane, 1, wanted={0: {"a": 1}})
    work_off(plane, 0, wanted={0: {"a": 1, "b": 1}})
    assert plane.offsets() == [4, 0, 0]


def test_nothing_is_accepted_while_a_worker_is_there(plane: Plane) -> None:
    plane.feed(b"a")
    with plane.session(state := new_state()) as session:
        assert settled(plane, session, state, read_some(session, 1), count_up(state)) == [None]
        with pytest.raises(FatalError, match="stop them all"):
            accept_loss(plane.settings, AGENT, [IN.name], [0])


def test_partitions_that_never_had_a_record_are_no_reason_to_refuse(plane: Plane) -> None:
    work_off(plane, 0)
    plane.feed(b"a", partition=2)
    work_off(plane, 1)
    work_off(plane, 0)
    assert faults(plane) == {}


# -- the hub itself --------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> Any:
    with running_hub(kafka_bootstrap, namespace, tmp_path) as one:
        yield one


def test_open_cases_do_not_lose_their_clocks_without_a_word(hub: SmallHub) -> None:
    """One lost changelog after the other: the worker ends and names it, as `cityhub state` does."""
    hub.publish(*[case_event("hotline", f"H{number}") for number in range(8)])
    hub.settle(lambda report: report.good and report.cases >= 1)
    wait_for(lambda: _read(hub, "track", CASES.name), "track has read all cases")
    hub.worker.stop()
    assert {proof["fault"] for proof in hub.json("state")} == {None}
    for changelog in (TRACK_CHANGELOG, DEDUPLICATE_CHANGELOG):
        agent = changelog.name.split(".")[1]
        make_anew(hub.settings, changelog)
        said = hub.type("state", "--json")
        assert said.exit_code == 1
        refused = {(proof["agent"], proof["partition"]) for proof in json.loads(said.stdout) if proof["fault"]}
        assert refused == {(agent, 0), (agent, 1)}
        hub.worker = hub._started()
        wait_for(lambda: hub.worker.code is not None, "the worker ends")
        assert hub.worker.code != 0
        assert f"{changelog.name}[" in (hub.settings.state_dir / "worker.log").read_text("utf-8")
        wait_until_left(hub.settings, agent)
        said = hub.type("state", "--accept-loss", f"{agent}:all", "--yes")
        assert said.exit_code == 0, said.output


def _read(hub: SmallHub, agent: str, topic: str) -> bool:
    there = [(topic, number) for number in range(hub.settings.partitions)]
    return sum(committed_offsets(hub.settings, agent, there).values()) > 0

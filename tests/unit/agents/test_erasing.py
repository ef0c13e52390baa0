"""A report's words are erased: they are in no state any more, nor come back with what was still on its way; all else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from hub.core.cases.statements import RouteRecord
from hub.model.outputs import Erasure
from hub.testing.memory import MemoryHub
from hub.topics import ERASURES
from tests.mutations import CODEC
from tests.unit.agents.small_world import CITY, MINUTE, NOON
from tests.unit.agents.test_unlinking import CASE, DESK, LEAD, OWN, WRONG, say, tell
from tests.unit.agents.whole_hub import WholeHub

SECRETS = ("TITLE", "TEXT", "LABEL", "ADDRESS", "FILE", "ATTRIBUTE")
SAID: dict[str, Any] = {
    "title": "TITLE", "text": "TEXT", "category_label": "LABEL",
    "place": {"lat": 34.02, "lon": 114.515, "address": "ADDRESS"},
    "attachments": [{"uri": "https://files.example/FILE", "media_type": "image/jpeg"}], "attributes": {"room": "ATTRIBUTE"},
}  # fmt: skip


@pytest.fixture(params=[1, 3])
def hub(request: pytest.FixtureRequest) -> Iterator[WholeHub]:
    with WholeHub(CITY, NOON, partitions=request.param) as hub:
        yield hub


def erase(hub: MemoryHub, report: tuple[str, str], at_ms: int | None = None) -> None:
    """As `cityhub erase` does."""
    record = Erasure(source=report[0], source_ref=report[1], at=at_ms or hub.clock.now_ms, by="ops", reason="2026-7")
    value = CODEC.encode_one(Erasure.subject(), record.to_avro())
    for partition in range(hub.settings.partitions):
        hub.send(ERASURES.name, ":".join(report).encode(), value, partition)


def kept(hub: MemoryHub) -> str:
    """All that `route` would know if it were started now."""
    last: dict[tuple[int, bytes | None], bytes | None] = {}
    for record in hub.changelog("route"):
        last[record.partition, record.key] = record.value
    decoder: Any = msgspec.msgpack.Decoder(RouteRecord)
    return "".join(repr(decoder.decode(value)) for value in last.values() if value)


def in_memory(hub: MemoryHub) -> str:
    return "".join(repr(list(book.items())) for book in hub.state("route").books())  # type: ignore[attr-defined]


def must_be_gone(hub: MemoryHub, *secrets: str) -> None:
    for text in (kept(hub), in_memory(hub)):
        assert not [secret for secret in secrets or SECRETS if secret in text]


def must_be_sound(hub: MemoryHub) -> None:
    account, state = hub.audit()
    assert account.good, account
    assert state.good, state
    assert not hub.records("hub.dead")


def test_it_is_gone_from_state_and_changelog_and_stays_so_after_a_restart(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    tell(hub, WRONG, 5, **(SAID | {"text": "OTHER"}))
    assert "TEXT" in kept(hub)
    erase(hub, LEAD)
    hub.run()
    assert "TEXT" not in kept(hub)
    assert "OTHER" in kept(hub), "nobody asked for the other's"
    erase(hub, WRONG)
    hub.run()
    must_be_gone(hub, *SECRETS, "OTHER")
    hub.restart()
    must_be_gone(hub, *SECRETS, "OTHER")
    must_be_sound(hub)


def test_who_works_on_it_is_told_once_and_by_an_order_without_the_words(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    say(hub, "WHISTLED", 1, DESK, members=["roads"])
    before = len(hub.orders())
    erase(hub, LEAD)
    hub.run()
    told = hub.orders(kind="AMEND")
    assert {order["department"] for order in told} == {"water_supply", "roads"}
    assert all(order["event"]["text"] == "" and order["event"]["place"]["lat"] == 34.02 for order in told)
    assert all("已按申请删除" in order["reason"] for order in told)
    erase(hub, LEAD)
    hub.run()
    assert len(hub.orders()) == before + 2
    must_be_sound(hub)


def lived(partitions: int, erased: bool) -> list[Any]:
    """All that was decided of a case with a life, but that somebody was told of the erasure."""
    with WholeHub(CITY, NOON, partitions=partitions) as hub:
        tell(hub, LEAD, 0, **SAID)
        if erased:
            erase(hub, LEAD)
            hub.run()
        tell(hub, WRONG, 5, **SAID)
        say(hub, "TRANSFERRED", 10, "water_supply", to="housing")
        say(hub, "RESOLVED", 20, "housing", note="DONE")
        say(hub, "REOPENED", 30, DESK, reason="again")
        tell(hub, LEAD, 40, revision=1, kind="AMENDED", **SAID)
        hub.settle()
        must_be_sound(hub)
        changes = [
            {
                name: each[name]
                for name in ("case_id", "change", "at", "department", "source_ref", "over", "clocks", "reports")
            }
            for each in hub.records("hub.cases")
            if (each["change"], each["at"]) != ("AMENDED", NOON)
        ]
        return [changes, hub.records("hub.deadlines"), hub.records("hub.closures"), hub.replies()]


@pytest.mark.parametrize("partitions", [1, 3])
def test_clocks_accounts_and_life_go_on_as_if_nothing_had_been_erased(partitions: int) -> None:
    assert lived(partitions, erased=True) == lived(partitions, erased=False)


def test_the_next_department_gets_the_case_without_the_words(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    erase(hub, LEAD)
    hub.run()
    say(hub, "TRANSFERRED", 10, "water_supply", to="housing")
    (order,) = hub.records("dept.housing.orders", kind="ASSIGN")
    assert order["event"]["source_ref"] == LEAD[1]
    assert not [secret for secret in SECRETS if secret in repr(order)]


def test_a_report_taken_out_later_has_a_case_without_them(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    tell(hub, WRONG, 5, **SAID)
    erase(hub, WRONG)
    hub.run()
    assert say(hub, "UNLINKED", 10, DESK, report=":".join(WRONG))
    (order,) = hub.orders(case_id=OWN, kind="ASSIGN")
    assert not [secret for secret in SECRETS if secret in repr(order)]
    must_be_sound(hub)


def test_what_was_said_before_and_is_read_after_is_without_them_too(hub: WholeHub) -> None:
    """`deduplicate` has admitted it, `route` has yet to read it."""
    from tests.unit.agents.test_unlinking import CaseEvent, EventKind, Urgency

    fields = {
        "source": LEAD[0], "source_ref": LEAD[1], "revision": 0, "kind": EventKind.OPENED, "reported_at": NOON,
        "category": "water.burst", "urgency": Urgency.URGENT, "channel": "phone",
    } | SAID  # fmt: skip
    hub.publish(CaseEvent.model_validate(fields))
    hub.turn("deduplicate")
    hub.clock.now_ms += MINUTE
    erase(hub, LEAD)
    hub.run()
    (order,) = hub.orders()
    assert order["kind"] == "ASSIGN"
    assert not [secret for secret in SECRETS if secret in repr(order)]
    must_be_gone(hub)
    must_be_sound(hub)


def test_what_is_said_afterwards_is_kept_also_over_a_restart(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    erase(hub, LEAD)
    hub.run()
    tell(hub, LEAD, 10, revision=1, kind="AMENDED", **(SAID | {"text": "LATER"}))
    assert hub.orders(kind="AMEND")[-1]["event"]["text"] == "LATER"
    hub.restart()
    assert "LATER" in in_memory(hub)
    assert hub.records("hub.cases", change="AMENDED")[-1]["case_id"] == CASE


def test_of_a_case_that_is_over_nothing_is_there_and_nobody_is_told(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    say(hub, "RESOLVED", 5, "water_supply")
    before = hub.orders()
    erase(hub, LEAD)
    hub.run()
    assert hub.orders() == before
    must_be_gone(hub)
    must_be_sound(hub)


def test_a_report_that_nobody_knows_harms_nothing(hub: WholeHub) -> None:
    erase(hub, ("hotline", "NOBODY:1"))
    tell(hub, LEAD, 5, **SAID)
    assert hub.orders()[0]["event"]["text"] == "TEXT"
    must_be_sound(hub)


def test_an_erasure_that_was_not_committed_is_done_again(hub: WholeHub) -> None:
    tell(hub, LEAD, 0, **SAID)
    erase(hub, LEAD)
    hub.crash("route")
    assert "TEXT" in in_memory(hub)
    hub.run()
    must_be_gone(hub)


@pytest.mark.parametrize("value", [None, b"", b"\x00\x00\x00\x00\x23", b"?"])
def test_rubbish_there_is_a_dead_letter_like_any_other(hub: WholeHub, value: bytes | None) -> None:
    hub.send(ERASURES.name, b"k", value, 0)
    tell(hub, LEAD, 5, **SAID)
    assert len(hub.records("hub.dead")) == 1
    assert hub.orders()


def test_the_memory_of_an_erasure_goes_when_nothing_can_come_any_more(hub: WholeHub) -> None:
    erase(hub, LEAD)
    hub.run()
    assert LEAD[1] in in_memory(hub)
    hub.clock.now_ms += 1001 * 86_400_000
    tell(hub, WRONG, 1001 * 1440, reported_at=hub.clock.now_ms)
    for _ in range(3):
        hub.settle()
    tell(hub, ("hotline", "H9"), 1002 * 1440, reported_at=hub.clock.now_ms)
    assert "!hotline" not in in_memory(hub)

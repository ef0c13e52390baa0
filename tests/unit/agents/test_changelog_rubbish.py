"""Whatever lies in a changelog: an agent reads back what it wrote, steps over the rest, and goes on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY as PROMETHEUS
from prometheus_client import generate_latest

from hub.clock import wall_ms
from hub.core.cases.cases import Case
from hub.core.cases.statements import RENEWED
from hub.metrics import UNREADABLE_STATE
from hub.stream.avro.registry import FRAME
from hub.stream.changelog.checkpoints import Checkpoint, Trail
from hub.stream.changelog.recovery import take
from tests.mutations import CODEC, REGISTRY, examples, mutated
from tests.mutations import odd as odd_record
from tests.unit.agents.bare_agents import PARTITION, BareAgent, Record

HOUR_MS = 3_600_000
Change = tuple[bytes | None, bytes | None]


def an_event(ref: str, revision: int = 0, **changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "source": "hotline", "source_ref": ref, "revision": revision, "kind": "OPENED", "occurred_at": None,
        "reported_at": wall_ms() - 3 * HOUR_MS, "category": "water.burst", "category_label": None, "urgency": "URGENT",
        "place": {"code": None, "grid": None, "lat": 34.02, "lon": 114.515, "crs": "EPSG:4326", "address": "8 Quay 码头路"},
        "title": "Water main burst 爆管", "text": "Water on the road. " * 5, "channel": "phone", "attachments": [],
        "due_at": None, "attributes": {},
    }  # fmt: skip
    return event | changes


def sent(*events: dict[str, Any]) -> list[Record]:
    return [("city.hotline.events", b"k", CODEC.encode_one("cityhub.CaseEvent", event)) for event in events]


def passed_on(outputs: dict[str, list[tuple[Any, bytes]]], *topics: str) -> list[Record]:
    return [(topic, key and str(key).encode(), value) for topic in topics for key, value in outputs.get(topic, ())]


def an_update(case: str, number: int, department: str, status: str) -> Record:
    update = {
        "update_id": f"U{number}", "revision": 0, "department": department, "case_id": case, "status": status,
        "at": wall_ms() - HOUR_MS, "note": "on our way",
    }  # fmt: skip
    return (f"dept.{department}.updates", case.encode(), CODEC.encode_one("cityhub.Update", update))


class Flow:
    """The three agents, one after the other, over a few reports, follow-ups and answers."""

    def __init__(self) -> None:
        self.agents = {name: BareAgent(name) for name in ("deduplicate", "route", "track")}
        self.taken: dict[str, list[list[Record]]] = {name: [] for name in self.agents}
        far = an_event("H2")["place"] | {"lat": 34.2}
        self.play(
            sent(an_event("H1"), an_event("H1b"), an_event("H2", place=far), an_event("H3", category="nobody.knows"))
        )
        self.play(sent(an_event("H1", 1, kind="AMENDED"), an_event("H3", 1, kind="WITHDRAWN"), an_event("H1")))
        cases = {CODEC.decode_one(value)[1]["case_id"]: CODEC.decode_one(value)[1] for value in self.cases}
        self.play([
            an_update(case, number, change["department"], status)
            for number, (case, change) in enumerate(cases.items())
            for status in ("ACCEPTED", "REFUSED")
        ])  # fmt: skip
        self.play([an_update("C-OF-NOBODY", 99, "roads", "ACCEPTED")])

    @property
    def cases(self) -> list[bytes]:
        return [value for topic, _, value in self._said if topic == "hub.cases" and value is not None]

    def play(self, records: list[Record]) -> None:
        self._said: list[Record] = []
        admitted = self._take("deduplicate", records)
        routed = self._take("route", passed_on(admitted, "hub.events"))
        self._said = passed_on(routed, "hub.cases")
        told = self._take("track", [*self._said, *passed_on(admitted, "hub.updates")])
        back = self._take("route", passed_on(told, "hub.closures"))
        self._take("track", passed_on(back, "hub.cases"))

    def _take(self, agent: str, records: list[Record]) -> dict[str, list[tuple[Any, bytes]]]:
        self.taken[agent].append(records)
        return self.agents[agent].take(records)


FLOW = Flow()
CHANGES = {name: agent.changelog for name, agent in FLOW.agents.items()}


def test_the_flow_leaves_something_of_every_kind() -> None:
    assert len(CHANGES["deduplicate"]) == 4
    assert any((key or b"").startswith(b"~") for key, _ in CHANGES["route"]), "a statement of a linked report"
    assert any((key or b"").startswith(b"~waiting:") for key, _ in CHANGES["track"])
    assert sum((key or b"").startswith(b"C-") for key, _ in CHANGES["track"]) > 3


class Message:
    """As much of a message as recovery looks at."""

    def __init__(self, change: Change) -> None:
        self._key, self._value = change

    def topic(self) -> str:
        return "a changelog"

    def partition(self) -> int:
        return PARTITION

    def offset(self) -> int:
        return 0

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value


def load(agent: BareAgent, changes: list[Change]) -> int:
    """As recovery does: how many were stepped over."""
    counter, trail = UNREADABLE_STATE.labels(agent.state.changelog.name), Trail(agent.state.changelog.compacted)
    before = counter._value.get()
    for change in changes:
        message: Any = Message(change)
        take(agent.state, trail, message)
    agent.state.loaded(PARTITION)
    return int(counter._value.get() - before)


def rubbish(name: str, chance: random.Random, count: int) -> Iterator[Change]:
    values = [value for _, value in CHANGES[name] if value is not None]
    keys = [key for key, _ in CHANGES[name]]
    mark = Checkpoint(1, 0, 0, [("hub.events", 0, 7)])
    odd_keys = (
        None, b"", b"\xff", b"\0", b"\0\xff", mark.key(compacted=False), mark.key(compacted=True), b"C-NOBODY", b"~",
        b"~now", b"~waiting:", b"~hotline:H1b:x", b"~:",
    )  # fmt: skip
    for _ in range(count):
        value = (
            mutated(chance.choice(values), values, chance)
            if chance.random() < 0.5
            else odd(chance.choice(values), chance)
        )
        key = chance.choice(keys) if chance.random() < 0.7 else chance.choice(odd_keys)
        yield key, chance.choice([value] * 9 + [chance.randbytes(30)])


def odd(value: bytes, chance: random.Random) -> bytes:
    """A record with some of its values, at any depth, replaced by others, mostly of their types."""
    return msgspec.msgpack.encode(_odd(msgspec.msgpack.decode(value), chance))


def _odd(value: Any, chance: random.Random) -> Any:
    if isinstance(value, (list, dict)) and value and chance.random() < 0.9:
        place = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        changed = value.copy()
        changed[place] = _odd(value[place], chance)
        return changed
    if isinstance(value, bool) or value is None or chance.random() < 0.1:
        return chance.choice([None, True, 1, "", [], {}, b""])
    if isinstance(value, int):
        return chance.choice([0, -1, 1, 2**31, 2**45, 2**62, 2**64 - 1, -(2**63), value + HOUR_MS])
    if isinstance(value, float):
        return chance.choice([0.0, 90.0, 91.0, float("nan"), float("inf"), 1e300])
    if isinstance(value, str):
        return chance.choice(["", "nobody", "No Id", "x" * 5000, "water.burst", "ACCEPTED", "closed", "C-X", "roads"])
    if isinstance(value, bytes):
        return chance.choice([b"", b"x", value[:-1], value + b"x", chance.randbytes(len(value))])
    return []


def follow_ups(name: str) -> list[list[Record]]:
    """What the agent took before, once more, and something new."""
    return [*FLOW.taken[name], []]


@pytest.mark.parametrize("name", CHANGES)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 30))
def test_an_agent_goes_on_over_rubbish_in_its_changelog(name: str, seed: int, count: int) -> None:
    chance, agent = random.Random(seed), BareAgent(name)
    changes: list[Change] = [*CHANGES[name], *rubbish(name, chance, count)]
    chance.shuffle(changes)
    load(agent, changes)
    for records in follow_ups(name):
        agent.take(records, caught_up=True)


@pytest.mark.parametrize("name", CHANGES)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_stepped_over_changes_nothing(name: str, seed: int) -> None:
    chance = random.Random(seed)
    agent, other = BareAgent(name), BareAgent(name)
    assert load(agent, list(CHANGES[name])) == 0
    scratch = BareAgent(name)
    unreadable = [change for change in rubbish(name, chance, 20) if load(scratch, [change])]
    changes: list[Change] = list(CHANGES[name])
    for each in unreadable:
        changes.insert(chance.randint(0, len(changes)), each)
    assert load(other, changes) == len(unreadable)
    for records in follow_ups(name):
        assert same(agent.take(records), other.take(records))


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """But for the hour at which things were noticed."""
    return {topic: len(found) for topic, found in one.items()} == {topic: len(found) for topic, found in other.items()}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize(
    "value", [b"", b"\xc1", b"\x91\x09", msgspec.msgpack.encode(["newer", 1, 2]), b"\xdd\xff\xff\xff\xff"]
)
def test_plain_rubbish_is_said(name: str, value: bytes) -> None:
    assert load(BareAgent(name), [(b"C-X", value)]) == 1


INSTANTS = (b"~now", RENEWED.encode())
"""Keys under which a number stands."""
DEEP = b"\x91" * 100_000 + b"\x01"
"""A hundred thousand lists within each other."""


def deepened(value: bytes) -> bytes:
    """A record with one more value behind its own, nested deeper than anybody reads."""
    fields = msgspec.msgpack.decode(value)
    packed = [msgspec.msgpack.encode(each) for each in fields]
    if isinstance(fields, dict):
        packed = [key + msgspec.msgpack.encode(each) for key, each in zip(packed, fields.values(), strict=True)]
        return b"\xde" + (len(packed) + 1).to_bytes(2) + b"".join(packed) + b"\xa1x" + DEEP
    return b"\xdc" + (len(packed) + 1).to_bytes(2) + b"".join(packed) + DEEP


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_nested_without_a_bottom_is_stepped_over(name: str) -> None:
    """Behind the last field, where nobody looks, of a record of every kind that has fields, and of a checkpoint."""
    agent = BareAgent(name)
    mark = deepened(Checkpoint(1, 0, 0, [("hub.events", 0, 7)]).value())
    deep: list[Change] = [
        (key, deepened(value)) for key, value in CHANGES[name] if value is not None and key not in INSTANTS
    ]
    deep.append((b"\0" + mark, None) if name == "deduplicate" else (b"\0" + b"1", mark))
    assert load(agent, [*CHANGES[name], *deep]) == len(deep)
    for records in follow_ups(name):
        agent.take(records, caught_up=True)


def test_a_memory_dated_years_ahead_forgets_nothing() -> None:
    """The window of the memory moves on with what is added: a forged date must not move it past everything."""
    agent = BareAgent("deduplicate")
    (_, value), *_ = CHANGES["deduplicate"]
    forged = msgspec.msgpack.decode(value or b"")
    forged[1] = wall_ms() + 10 * 365 * 24 * HOUR_MS
    forged[3] = [b""] * len(forged[3])
    assert load(agent, [*CHANGES["deduplicate"], (None, msgspec.msgpack.encode(forged))]) == 0
    outputs = agent.take(FLOW.taken["deduplicate"][0])
    assert "hub.events" not in outputs
    assert len(outputs["hub.repeats"]) == 4


def test_everything_an_agent_wrote_is_read_back_alike() -> None:
    assert REGISTRY is not None
    for name, changes in CHANGES.items():
        agent = BareAgent(name)
        assert load(agent, list(changes)) == 0
        assert len(agent.state) == len(FLOW.agents[name].state)


@pytest.mark.parametrize("department", ["No Id!", "nobody", "", "x" * 41, "roads"])
def test_an_update_that_waits_in_the_name_of_nobody_is_set_aside(department: str) -> None:
    """What waits comes to a receipt for its department, and no topic has such a name."""
    agent = BareAgent("track")
    key, value = next(each for each in CHANGES["track"] if (each[0] or b"").startswith(b"~waiting:") and each[1])
    _, _, updates, *_ = msgspec.msgpack.decode(value or b"")
    admitted = CODEC.decode_body("cityhub.AdmittedUpdate", updates[0])
    forged = CODEC.encode_one(
        "cityhub.AdmittedUpdate", {**admitted, "update": {**admitted["update"], "department": department}}
    )
    waiting = msgspec.msgpack.encode(["waiting", HOUR_MS, [forged[5:]], [HOUR_MS]])
    assert load(agent, [(key, waiting)]) == 0
    outputs = agent.take([], caught_up=True)
    assert "unknown_case" in [each["reason"] for each in agent.letters(outputs)]
    assert ("no_receiver" in [each["reason"] for each in agent.letters(outputs)]) == (department != "roads")


def test_a_clock_that_somebody_has_made_up_names_no_series() -> None:
    """Labels of metrics are bounded by policy: a changelog may name any clock, of any department."""
    agent = BareAgent("track")
    key, value = next(each for each in CHANGES["track"] if (each[0] or b"").startswith(b"C-") and each[1])
    forged = msgspec.msgpack.decode(value or b"")
    place = next(at for at, each in enumerate(forged) if isinstance(each, list) and each and len(each[0]) > 5)
    _, *facts = forged[place][0]
    now = wall_ms()
    facts[2:9] = [now - 2, now - 1, None, False, False, False, None]  # it runs, and nothing was said of it yet
    forged[place] = [["Wang 13800138000", *facts]]
    assert load(agent, [(key, msgspec.msgpack.encode(forged))]) == 0
    outputs = agent.take([], caught_up=True)
    assert outputs["hub.deadlines"], "it rings"
    page = generate_latest(PROMETHEUS).decode()
    assert 'clock="unknown"' in page
    assert "13800138000" not in page


def kept_oddly(change: Change, chance: random.Random) -> Change:
    """A record of state whose Avro, where it keeps some, is another record, such as its schema allows and nobody means."""
    key, value = change
    record = msgspec.msgpack.decode(value) if value and not (key or b"").startswith(b"\0") else None
    if isinstance(record, dict):
        record["event"] = an_odd("cityhub.CaseEvent", chance)
    elif isinstance(record, list) and record[0] == "waiting":
        record[2] = [an_odd("cityhub.AdmittedUpdate", chance) for _ in record[2]]
    elif isinstance(record, list) and len(record) > EVENT_AT and isinstance(record[EVENT_AT], bytes):
        record[EVENT_AT] = an_odd("cityhub.CaseEvent", chance)
    else:
        return change
    return key, msgspec.msgpack.encode(record)


EVENT_AT = Case.__struct_fields__.index("event")


def an_odd(subject: str, chance: random.Random) -> bytes:
    schema = REGISTRY.latest(subject)
    return CODEC.encode_one(subject, odd_record(chance.choice(examples(schema)), schema, chance))[FRAME.size :]


STEPS = ("UNLINKED", "REOPENED", "TRANSFERRED", "WHISTLED", "AS_OUTCOME")


@pytest.mark.parametrize("name", ["route", "track"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(seed=st.integers(0, 2**32))
def test_an_agent_goes_on_over_odd_records_within_its_state(name: str, seed: int) -> None:
    chance, agent = random.Random(seed), BareAgent(name)
    load(agent, [kept_oddly(change, chance) for change in CHANGES[name]])
    for records in follow_ups(name):
        agent.take(records, caught_up=True)
    if name == "route":
        closure = {
            "place_key": "x", "outcome": "REFUSED", "department": "dispatch_desk", "at": wall_ms(), "to": "roads",
            "members": ["housing"], "reason": "r", "report": "hotline:H1b",
        }  # fmt: skip
        cases = [key for key, _ in CHANGES[name] if (key or b"").startswith(b"C-")]
        said = [closure | {"case_id": (key or b"").decode(), "step": step} for key in cases for step in STEPS]
        agent.take([("hub.closures", b"x", CODEC.encode_one("cityhub.Closure", each)) for each in said])


def test_a_case_under_a_key_that_begins_like_an_instants_is_one_like_any_other() -> None:
    case = next(
        decoded
        for _, value in CHANGES["route"]
        if isinstance(decoded := msgspec.msgpack.decode(value or b"\xc0"), list)
    )
    forged = f"{RENEWED}X"
    assert load(BareAgent("route"), [(forged.encode(), msgspec.msgpack.encode([forged, *case[1:]]))]) == 0

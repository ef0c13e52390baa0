"""Packing identities, placing keys as Kafka does, and decoding only what is asked for."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from hub.audit.identity import NO_PLACE, NOWHERE, Identities, occurrences
from hub.inspect.narrow import NarrowDecoder, column, narrowed
from hub.settings import ROOT
from hub.stream.avro.codec import Codec
from hub.stream.avro.registry import FileRegistry
from hub.stream.writing.partitioning import partition_of

REGISTRY = FileRegistry()
CODEC = Codec(REGISTRY)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829), (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)  # fmt: skip
def test_murmur2_is_kafkas(key: bytes, hashed: int) -> None:
    """The values of Kafka's own unit test."""
    assert (murmur2(key) - hashed) % 2**32 == 0
    assert partition_of(key, 6) == (hashed & 0x7FFFFFFF) % 6


def test_text_keys_are_placed_by_their_utf8() -> None:
    assert partition_of("派单", 6) == partition_of("派单".encode(), 6)


places = st.tuples(
    st.sampled_from(["city.a.events", "hub.cases", "dept.b.updates"]), st.integers(0, 4095), st.integers(0, 2**40 - 1)
)


@given(st.lists(st.none() | places, max_size=20))
def test_packing_is_one_to_one(given_places: list[tuple[str, int, int] | None]) -> None:
    identities = Identities()
    kind = pa.struct([("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64())])
    rows = [
        None if each is None else dict(zip(("topic", "partition", "offset"), each, strict=True))
        for each in given_places
    ]
    packed = identities.pack_origins(pa.array(rows, kind))
    assert [each == NOWHERE for each in packed.tolist()] == [each is None for each in given_places]
    for at, place in zip(packed.tolist(), given_places, strict=True):
        if place is not None:
            topic, partition, offset = place
            assert [at] == identities.pack(topic, [partition], [offset]).tolist()
            assert identities.show(at) == f"{place[0]}[{place[1]}]@{place[2]}"


WHOLE = st.integers(-(2**31), 2**31 - 1)


@given(st.lists(st.tuples(st.text(max_size=3), WHOLE, st.integers(-(2**63), 2**63 - 1)), max_size=9), places)
def test_a_place_that_cannot_be_is_none_of_those_that_are(
    forged: list[tuple[str, int, int]], real: tuple[str, int, int]
) -> None:
    """What a record says of its origin anybody may have written."""
    identities = Identities()
    topic, partition, offset = real
    here = int(identities.pack(topic, [partition], [offset])[0])
    kind = pa.struct([("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64())])
    rows = [dict(zip(("topic", "partition", "offset"), each, strict=True)) for each in forged]
    packed = identities.pack_origins(pa.array(rows, kind))
    for at, each in zip(packed.tolist(), forged, strict=True):
        assert at != here or each == real
        assert at != NOWHERE
        can_be = 0 <= each[1] < 4096 and 0 <= each[2] < 2**40
        assert identities.show(at) == (f"{each[0]}[{each[1]}]@{each[2]}" if can_be else f"{NO_PLACE}[0]@0")


def test_forged_names_of_topics_leave_room_for_the_real_ones() -> None:
    identities = Identities(["real"])
    kind = pa.struct([("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64())])
    rows = [{"topic": f"t{number}", "partition": 1, "offset": 7} for number in range(5_000)]
    packed = identities.pack_origins(pa.array(rows, kind))
    assert (packed >= 0).all()
    assert identities.show(packed[0]) == "t0[1]@7"
    assert identities.show(packed[-1]) == f"{NO_PLACE}[1]@7"
    assert identities.show(identities.pack("real", [1], [7])[0]) == "real[1]@7"


def test_only_what_is_named_as_a_topic_is_one() -> None:
    """A memory names the places of its reports beside the topics that they came by, and a city has thousands of places."""
    identities = Identities()
    names = [f"place-{number}" for number in range(5_000)] + ["city.police.events"]
    packed = identities.pack_named(names, np.array([5_000, 5_000]), 3, np.array([0, 9]))
    assert list(map(identities.show, packed)) == ["city.police.events[3]@0", "city.police.events[3]@9"]
    assert identities.number("hub.cases") == 1


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_occurrences_counts(asked: list[int], among: list[int]) -> None:
    found = occurrences(np.array(asked, np.int64), np.array(among, np.int64))
    assert found.tolist() == [among.count(each) for each in asked]


def test_before_a_limit() -> None:
    identities = Identities()
    ids = identities.pack("a", [0, 0, 1], [4, 5, 9])
    assert identities.before(ids, {("a", 0): 5}).tolist() == [True, False, True]


@pytest.mark.parametrize("subject", ["CaseChange", "AdmittedEvent", "AdmittedUpdate", "Order", "DeadLetter", "Reply"])
def test_every_beginning_of_a_record_decodes_like_the_whole(subject: str) -> None:
    folder = ROOT / "schemas" / subject
    newest = f"v{REGISTRY.latest(f'cityhub.{subject}').version}"
    examples = json.loads((folder / f"{newest}.examples.json").read_text("utf-8"))
    for example in examples:
        for name in ("key", "value"):
            if subject == "DeadLetter" and example[name] is not None:
                example[name] = example[name].encode()
    values = [CODEC.encode_one(f"cityhub.{subject}", example) for example in examples]
    whole = [CODEC.decode_one(value)[1] for value in values]
    fields = [field["name"] for field in json.loads((folder / f"{newest}.avsc").read_text("utf-8"))["fields"]]
    usable = fields[: fields.index("key")] if subject == "DeadLetter" else fields
    for last in usable:
        batch = NarrowDecoder(REGISTRY, CODEC, f"cityhub.{subject}", (last,)).decode(values).batch
        assert batch.schema.names == fields[: fields.index(last) + 1]
        if pa.types.is_primitive(batch.column(last).type) or pa.types.is_string(batch.column(last).type):
            assert column(batch, (last,)).to_pylist() == [record[last] for record in whole]


def test_the_first_fields_of_a_nested_record() -> None:
    cut = narrowed(REGISTRY.latest("cityhub.AdmittedEvent"), ("event", "source_ref"))
    assert [field.name for field in cut.arrow.field("event").type] == ["source", "source_ref"]
    with pytest.raises(KeyError, match="no field nothing"):
        narrowed(REGISTRY.latest("cityhub.AdmittedEvent"), ("event", "nothing"))


@pytest.mark.parametrize("value", [None, b"", b"not avro", b"\0\0\0\0\xff....", CODEC.encode_one("cityhub.Closure", {
    "case_id": "C", "place_key": "p", "outcome": "RESOLVED", "department": "d", "at": 1})])  # fmt: skip
def test_what_the_hub_did_not_write_is_stepped_over_and_told(value: bytes | None) -> None:
    good = CODEC.encode_many(
        "cityhub.Repeat", json.loads((ROOT / "schemas" / "Repeat" / "v1.examples.json").read_text("utf-8"))
    )
    decoder = NarrowDecoder(REGISTRY, CODEC, "cityhub.Repeat", ("source_ref",))
    found = decoder.decode([good[0], value, good[1], value])
    assert (found.rows.tolist(), found.foreign.tolist()) == ([0, 2], [1, 3])
    assert found.batch.equals(decoder.decode([good[0], good[1]]).batch)
    assert decoder.decode([value]).foreign.tolist() == [0]

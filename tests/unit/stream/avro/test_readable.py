"""What stands in Avro and is no date or no number is found, in single records and in batches, so that no reader stops over it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import CALENDAR
from hub.errors import RejectedRecordError
from hub.inspect.narrow import NarrowDecoder
from hub.stream.avro.readable import all_dated, dated, is_readable
from tests.mutations import CODEC, REGISTRY, examples, odd, planted

SUBJECTS = sorted({each.subject for each in REGISTRY.all()} - {"cityhub.DeadLetter"})
"""But for the one whose bytes the batch decoder cannot read."""
UNREADABLE = {
    "double": (float("nan"), float("inf")),
    "timestamp-millis": (CALENDAR.least - 1, CALENDAR.most + 1, 1 << 62, -(1 << 63)),
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_it_is_found_wherever_it_stands(subject: str) -> None:
    schema = REGISTRY.latest(subject)
    last = (schema.declared["fields"][-1]["name"],)
    for example in examples(schema):
        good = CODEC.encode_one(subject, example)
        assert CODEC.decode_one(good)[1] is not None
        bad = [CODEC.encode_one(subject, each) for each in planted(example, schema.declared, UNREADABLE)]
        assert bad
        for value in bad:
            with pytest.raises(RejectedRecordError, match="a time"):
                CODEC.decode_one(value)
        found = NarrowDecoder(REGISTRY, CODEC, subject, last).decode([good, *bad, good])
        assert found.rows.tolist() == [0, len(bad) + 1]
        assert found.foreign.tolist() == list(range(1, len(bad) + 1))
        assert len(found.batch) == 2


@given(seed=st.integers(0, 2**32), subject=st.sampled_from(SUBJECTS))
def test_one_and_many_agree(seed: int, subject: str) -> None:
    chance, schema = random.Random(seed), REGISTRY.latest(subject)
    records = [odd(chance.choice(examples(schema)), schema, chance) for _ in range(5)]
    values = [CODEC.encode_one(subject, each) for each in records]
    decoder = NarrowDecoder(REGISTRY, CODEC, subject, (schema.declared["fields"][-1]["name"],))
    assert decoder.decode(values).rows.tolist() == [at for at, each in enumerate(records) if is_readable(schema, each)]


@pytest.mark.parametrize("at_ms", [1 << 62, -(1 << 63), CALENDAR.most + 1])
def test_a_record_that_its_writer_dated_so_has_no_date(at_ms: int) -> None:
    assert dated(at_ms) == 0
    assert all_dated([at_ms, 1, at_ms]) == [0, 1, 0]
    assert dated(CALENDAR.most) == CALENDAR.most

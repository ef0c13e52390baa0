"""Sizes computed from columns equal the lengths of the bytes written, for every schema and any record."""

from __future__ import annotations

from pathlib import Path

import pyruhvro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.settings import Settings
from hub.stream.codec import HEADER_BYTES, Codec
from hub.stream.registry import FileRegistry, Schema, make_registry
from hub.stream.sizes import encoded_sizes

CODEC = Codec(make_registry(Settings(bootstrap_servers="unused:1", state_dir=Path())))
_FILES = FileRegistry()
SCHEMAS = [s for s in _FILES.all() if '"bytes"' not in s.text and s == _FILES.latest(s.subject)]
_BOUNDS = {"int": 31, "long": 63}


def values_of(declared: object) -> st.SearchStrategy[object]:
    if isinstance(declared, list):
        return st.one_of([values_of(branch) for branch in declared])
    if isinstance(declared, dict):
        kind = declared["type"]
        if kind == "record":
            return st.fixed_dictionaries({field["name"]: values_of(field["type"]) for field in declared["fields"]})
        if kind == "enum":
            return st.sampled_from(declared["symbols"])
        if kind == "array":
            return st.lists(values_of(declared["items"]), max_size=3)
        if kind == "map":
            return st.dictionaries(st.text(max_size=5), values_of(declared["values"]), max_size=3)
        return values_of(kind)
    if declared in _BOUNDS:
        bound = 1 << _BOUNDS[str(declared)]
        return st.integers(-bound, bound - 1)
    return {
        "null": st.none(), "string": st.text(max_size=200), "double": st.floats(allow_nan=False), "boolean": st.booleans(),
    }[str(declared)]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.subject)
@given(data=st.data())
def test_sizes_are_the_lengths(schema: Schema, data: st.DataObject) -> None:
    records = data.draw(st.lists(values_of(schema.declared), min_size=1, max_size=4))
    bodies = [value[HEADER_BYTES:] for value in CODEC.encode_many(schema.subject, records)]  # type: ignore[arg-type]
    batch = pyruhvro.deserialize_array(bodies, schema.text)
    sizes = encoded_sizes(schema.declared["fields"], batch.columns)
    assert sizes.tolist() == list(map(len, bodies))
    assert encoded_sizes(schema.declared["fields"], batch.slice(1).columns).tolist() == list(map(len, bodies[1:]))

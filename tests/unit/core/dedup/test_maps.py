"""Maps are told to be in order or not, and are put in order, whatever stands beside them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from hub.core.dedup.digests import contents, differ
from hub.core.dedup.maps import in_order, out_of_order, with_several

entries = st.dictionaries(st.text(max_size=3), st.text(max_size=2), max_size=4).map(lambda found: list(found.items()))


@given(st.lists(entries, max_size=8), st.integers(0, 3))
def test_what_is_out_of_order_is_found_and_put_in_order(rows: list[list[tuple[str, str]]], begin: int) -> None:
    maps = pa.array(rows, pa.map_(pa.string(), pa.string()))[begin:]
    rows = rows[begin:]
    assert with_several(maps).tolist() == [len(row) > 1 for row in rows]
    assert out_of_order(maps).tolist() == [index for index, row in enumerate(rows) if row != sorted(row)]
    assert in_order(maps).to_pylist() == [sorted(row) for row in rows]
    assert not out_of_order(in_order(maps)).size


def test_what_was_remembered_before_maps_were_put_in_order_cannot_be_told_from_it() -> None:
    records = [b"\0\0\0\0\1" + body for body in (b"a", b"b")]
    before, now = contents(records), contents(records, np.array([True, False]))
    assert differ(before, now).tolist() == [False, False]
    assert differ(before, now[::-1]).tolist() == [True, False]
    assert differ(now[:1], contents([records[1]], np.array([True]))).all()

"""Distances on the ground."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.linking import EARTH_M, distance_m


@given(st.floats(-89, 89), st.floats(-179, 179), st.floats(-89, 89), st.floats(-179, 179))
def test_distance_is_a_distance(lat: float, lon: float, other_lat: float, other_lon: float) -> None:
    there, back = distance_m(lat, lon, other_lat, other_lon), distance_m(other_lat, other_lon, lat, lon)
    assert there == pytest.approx(back, abs=1e-3)
    assert 0 <= there <= math.pi * EARTH_M + 1
    assert distance_m(lat, lon, lat, lon) == 0

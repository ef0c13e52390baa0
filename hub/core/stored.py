"""Bounds of what lies in changelogs. msgspec holds a record to them when it is read back, and never when one is made.

They are far wider than what the hub writes: only what no program of it can have written is kept out, so that it does not end
an agent hours later.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Instant = Annotated[int, msgspec.Meta(ge=-(1 << 45), le=1 << 45)]
"""Milliseconds since 1970 UTC."""
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)]
Whole = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
Number = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
"""Neither is ever "not a number": that is below no limit."""

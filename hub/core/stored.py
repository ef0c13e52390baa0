"""Bounds of what lies in changelogs. msgspec holds a record to them when it is read back, and never when one is made.

A case is one record there, which no program may make larger than its topic takes: a report of it takes 1.4 kB at most and
100 statements 2 kB more, an update 10 kB beside its note. So much is less than 12 MB together.

The others are far wider than what the hub writes: only what no program of it can have written is kept out, so that it does not end
an agent hours later.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hub.bounds import COUNTER, INT, LATITUDE, LONG, LONGITUDE

MAX_REPORTS = 1_000
"""Of one case. What is about the same and comes later is a case of its own, which takes the next thousand."""
MAX_STATEMENTS = 100
"""Of one report, as far as they are remembered; of more, only what ended it or opened it again, and of these the last."""
MAX_ANSWERS, MAX_NOTE_CHARS = 500, 1_000_000
"""Updates of one case, and what their notes may have together."""
MAX_TURNS = 10_000
"""How often one case may change hands, end and come back."""

Instant = Annotated[int, msgspec.Meta(ge=-(1 << 45), le=1 << 45)]
"""Milliseconds since 1970 UTC."""
Count = Annotated[int, msgspec.Meta(ge=COUNTER.least, le=COUNTER.most)]
Whole = Annotated[int, msgspec.Meta(ge=INT.least, le=INT.most)]
Number = Annotated[int, msgspec.Meta(ge=LONG.least, le=LONG.most)]
Latitude = Annotated[float, msgspec.Meta(ge=LATITUDE.least, le=LATITUDE.most)]
Longitude = Annotated[float, msgspec.Meta(ge=LONGITUDE.least, le=LONGITUDE.most)]
"""Neither is ever "not a number": that is below no limit."""

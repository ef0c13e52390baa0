"""What divisions.yaml must agree on with itself and with the polygons of the main layer."""

from __future__ import annotations

from collections.abc import Iterator

from hub.declared.document import Location
from hub.policy.divisions import circles
from hub.policy.parts import Parts

_FILE = "divisions.yaml"


def division_mistakes(parts: Parts) -> Iterator[tuple[str, Location, str]]:
    """File, place and what is wrong, of every mistake."""
    divisions = parts.divisions
    if divisions is None:
        return
    spec = divisions.spec
    for code in spec.names:
        if fault := divisions.fault(code):
            yield _FILE, ("names", code), fault
    for old in circles(spec.replaced):
        yield _FILE, ("replaced", old), f"the code {old!r} is replaced in a circle 循环替换; say what it is now"
    for old, new in spec.replaced.items():
        if fault := divisions.fault(new):
            yield _FILE, ("replaced", old), fault
    for source, codes in spec.sources.items():
        for own, code in codes.items():
            if fault := divisions.fault(code):
                yield _FILE, ("sources", source, own), fault
    for code in sorted(parts.areas):
        if fault := divisions.fault(code):
            yield "city.yaml", ("areas",), f"{fault} (a polygon has it)"

"""Chooses the partition of reports without a place, so that those that may be linked all the same meet in one."""

from __future__ import annotations

from collections.abc import Mapping

from hub.core.linking.clues import ADDRESS
from hub.core.linking.text import bare, fingerprint, sketch
from hub.policy.city import City

_EMPTY: Mapping[str, str] = {}


class MeetingKeys:
    """The partition key of an unplaced report: by facility, else address, else text, as far as the city's rows look at them.

    Reports equal in the first of these that they have meet; texts that are merely alike meet as often as they are alike
    (the key is one hash of the sketch). What lies on the map goes by its place and does not meet these.
    """

    def __init__(self, city: City) -> None:
        names = {name for row in city.linking for name in row.same}
        self._attributes = tuple(sorted(names - {ADDRESS}))
        self._address = ADDRESS in names
        lengths = [row.text.min_chars for row in city.linking if row.text is not None]
        self._min_chars = min(lengths) if lengths else None

    @property
    def used(self) -> bool:
        """True if any row can link reports without a place; if none can, `key` is always None."""
        return bool(self._attributes) or self._address or self._min_chars is not None

    def key(self, address: str | None, text: str, attributes: Mapping[str, str] = _EMPTY) -> str | None:
        """The key by which the report meets others, or None if nothing of it can be compared: then it stays by
        itself."""
        for name in self._attributes:
            if value := attributes.get(name):
                return f"~{name}:{fingerprint(value):x}"
        if self._address and address and address.strip():
            return f"~{ADDRESS}:{fingerprint(address):x}"
        if self._min_chars is not None and len(text) >= self._min_chars:
            said = bare(text)
            if len(said) >= self._min_chars:
                return f"~text:{sketch(said)[:4].hex()}"
        return None

"""What a resolution came to (办理结果), in the words of one city: what may be said, by whom, and what reporters are told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from hub.core.tracking.state import AppliedUpdate, UpdateDetails
from hub.millis import datetime_of
from hub.policy.city import City, label_key
from hub.policy.models import OutcomeSpec

_HOW = {
    False: "what it came to 办理结果 is said with resolved 办结, and without a date",
    True: "a case is hung up 挂账 by paused 中止, with this outcome and the date until which it is",
}
"""How an outcome is said, by whether it hangs the case up."""


class Outcomes:
    """By the latest state of the rules; of earlier ones what the latest has no more, for what was said then."""

    def __init__(self, latest: City, every: Iterable[City] = ()) -> None:
        self._known: dict[str, OutcomeSpec] = {}
        for city in (*every, latest):
            self._known |= city.outcomes
        self._latest: Mapping[str, OutcomeSpec] = latest.outcomes
        self._zone = ZoneInfo(latest.time_zone)

    def spec(self, code: str | None) -> OutcomeSpec | None:
        """None if the update names none, or one that nobody knows any more."""
        return None if code is None else self._known.get(code)

    def mistaken(self, answer: AppliedUpdate) -> str | None:
        """Reason why nobody may say this outcome, or say it so, whatever its case is; None if there is none."""
        said = answer.details
        if said is None or (said.outcome is None and said.until is None):
            return None
        spec = self._latest.get(said.outcome or "")
        if spec is None:
            known, near = ", ".join(self._latest) or "none", get_close_matches(said.outcome or "", self._latest, 1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            return f"what it came to 办理结果 is a code of the outcomes in steps.yaml; {meant}there are: {known}"
        hangs = spec.counts == "hung_up"
        if hangs != (said.until is not None) or answer.event != ("paused" if hangs else "resolved"):
            return _HOW[hangs]
        if said.until is not None and said.until <= answer.at_ms:
            return "the date until which a case is hung up 挂账 comes after the time at which that is said"
        return None

    def reasons(self, details: UpdateDetails) -> frozenset[str]:
        """What the pause of a row may name for this update, folded: what its outcome is called, or its reason."""
        spec = self.spec(details.outcome)
        labels = (details.reason or "",) if spec is None else spec.labels(details.outcome or "")
        return frozenset(map(label_key, labels))

    def reply(self, answer: AppliedUpdate) -> str:
        """What those who reported are told where the department has written nothing."""
        said = answer.details
        spec = None if said is None else self.spec(said.outcome)
        if spec is None or said is None:
            return ""
        told = spec.tell or spec.name
        if said.until is None:
            return f"{told.zh} {told.en}"
        day = datetime_of(said.until, self._zone).date()
        return f"{told.zh}（至 {day}） {told.en} (until {day})"

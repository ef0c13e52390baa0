"""A link: to which incident, how sure, and why, in words that an operator can check."""

from __future__ import annotations

import msgspec

from hub.policy.models import LinkRule

BY_PLACE, BY_TEXT = "place", "text"


class Match(msgspec.Struct, frozen=True):
    """The incident a report is linked to. `score` is 1 at the same place (or words) and time, and falls to 0 at the limits."""

    case_id: str
    score: float
    distance_m: float
    """Metres to the report of the incident that scores best; 0 where either has no point."""
    apart_seconds: float
    row: LinkRule
    by: str
    """`place`, `text`, or the name of what is equal: `address` or an attribute."""
    family: str | None
    held_family: str | None
    closed: bool = False
    """True if the incident was closed before the report was made; then the row's `after_close` says what follows."""
    alike: float = 0.0
    """Similarity of the texts, if `by` text."""

    @property
    def rule(self) -> str:
        return self.row.id

    @property
    def reopens(self) -> bool:
        """True if the incident is to be opened again for this report."""
        return self.closed and self.row.after_close == "reopen"

    @property
    def reasons(self) -> list[str]:
        """The reasons in words, each with the limit that it keeps. Made when asked for: most matches are looked at
        once."""
        row, hours = self.row, self.apart_seconds / 3600
        same = self.family == self.held_family
        about = f"same family {self.family}" if same else f"families {self.family} and {self.held_family}"
        apart = f"{self.apart_seconds / 60:.0f} min" if hours < 48 else f"{hours / 24:.1f} d"
        reasons = [
            about,
            self._agreement(),
            f"{apart} apart, allowed {self._window_hours():g} h",
            f"score {self.score:.2f}, needed {row.min_score:g} (rule {row.id})",
        ]
        if self.closed:
            reasons.append(f"closed before, allowed {row.after_close_days:g} d after ({row.after_close})")
        return reasons

    def _window_hours(self) -> float:
        text = self.row.text if self.by == BY_TEXT else None
        return self.row.window_hours if text is None or text.window_hours is None else text.window_hours

    def _agreement(self) -> str:
        if self.by == BY_PLACE:
            return f"{self.distance_m:.0f} m apart, allowed {self.row.radius_m:g} m"
        if self.by == BY_TEXT:
            needed = self.row.text.similarity if self.row.text else 1.0
            return f"texts {self.alike:.0%} alike, needed {needed:.0%}"
        return f"same {self.by}"

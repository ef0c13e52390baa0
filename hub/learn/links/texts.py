"""Whether what reports say can tell that two are one: only where people write in their own words."""

from __future__ import annotations

from collections import Counter

from hub.core.linking.text import bare
from hub.learn.history import History
from hub.policy.models import TextRule

_SPOKEN = 0.5
"""Share of reports that must have a text of some length."""
_LEAST_CHARS = 8
_COMMONEST = 0.005
"""Share of the reports that may have the same text: more are a form's words, not a person's."""
_DIFFERENT = 0.8
SIMILARITY = 0.8
"""Read by hand on messages to government: see the tests' note on links by text."""


def text_rule(history: History) -> TextRule | None:
    """None where texts are missing, short or the same everywhere. Texts stay comparable for the longest window there is."""
    said = [bare(text) for text in history.text.to_pylist() if text]
    said = [text for text in said if len(text) >= _LEAST_CHARS]
    if len(said) < max(_SPOKEN * len(history), 1):
        return None
    counts = Counter(said)
    commonest = counts.most_common(1)[0][1]
    if len(counts) < _DIFFERENT * len(said) or commonest > max(10.0, _COMMONEST * len(said)):
        return None
    return TextRule(similarity=SIMILARITY, min_chars=_LEAST_CHARS, window_hours=24 * 366)

"""What may be wrong with a document of another's."""

from __future__ import annotations


class UnreadableError(ValueError):
    """It is no such document, or not a whole one. The text never quotes it."""

"""The exception tree. The class of an error says what the hub does next; its text says the cause, the place and the way out."""

from __future__ import annotations

from enum import StrEnum


class HubError(Exception):
    """Base of all the hub raises on purpose."""


class FatalError(HubError):
    """The process ends non-zero and nothing is committed."""


class RetriableError(HubError):
    """The transaction is aborted and the same chunk is tried again after `wait_seconds`."""

    def __init__(self, message: str, *, wait_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class Reason(StrEnum):
    """Why a record became a dead letter. A metric label, so the list is closed."""

    UNDECODABLE = "undecodable"
    UNKNOWN_SCHEMA = "unknown_schema"
    WRONG_SCHEMA = "wrong_schema"
    INVALID = "invalid"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    TOO_LARGE = "too_large"
    BAD_ROW = "bad_row"
    NO_RECEIVER = "no_receiver"
    UNKNOWN_CASE = "unknown_case"
    NOT_ALLOWED = "not_allowed"
    SENDER_MISMATCH = "sender_mismatch"
    CONFLICT = "conflict"
    """The same source, reference and revision as an earlier record, and other content."""
    GAP = "gap"
    """Records were deleted from their topic before they were read."""
    MOVED_BACK = "moved_back"
    """A topic ends before where it had been read to: it was made anew, or its log was cut."""
    SKIPPED = "skipped"
    """Somebody decided that records are not read."""
    UNREADABLE = "unreadable"
    """A batch cannot be unpacked, or only into more than a reader takes."""


GAP_REASONS = frozenset({Reason.GAP, Reason.MOVED_BACK, Reason.SKIPPED, Reason.UNREADABLE})
"""Reasons of letters that stand for a stretch of a partition that was not read, and not for one record."""


class RejectedRecordError(HubError):
    """This one record goes to the dead letters with its bytes and `reason`; the rest of the chunk goes on."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

"""What becomes of a row that cannot be used: a DeadLetter with file name, line, reason and the row."""

from __future__ import annotations

import hashlib

from hub.clock import wall_ms
from hub.errors import RejectedRecordError
from hub.model.outputs import DeadLetter
from hub.sdk.rows import BadRow, Row
from hub.topics import MAX_DEAD_LETTER_BYTES

_ROOM_FOR_THE_REST = 64 * 1024
_HEAD_BYTES = 1024 * 1024
_MAX_DETAIL_CHARS = 2_000


def dead_letter(domain: str, file: str, row: Row | BadRow, rejection: RejectedRecordError) -> DeadLetter:
    """`file` is the name only, not its path. A row too large for the topic is cut; then the detail has its SHA-256."""
    value, detail = row.raw, rejection.detail[:_MAX_DETAIL_CHARS]
    if len(value) > MAX_DEAD_LETTER_BYTES - _ROOM_FOR_THE_REST:
        digest = hashlib.sha256(value).hexdigest()
        detail += f"; only the first {_HEAD_BYTES} of {len(value)} bytes are kept, sha256 of all {digest}"
        value = value[:_HEAD_BYTES]
    return DeadLetter(
        stage=f"connector:{domain}",
        reason=rejection.reason,
        detail=detail,
        at=wall_ms(),
        file=file,
        line=row.line,
        key=f"{file}:{row.line}".encode(),
        value=value,
    )

"""What becomes of a row that cannot be used: a DeadLetter with file name, line, reason and the row."""

from __future__ import annotations

from hub.clock import wall_ms
from hub.errors import RejectedRecordError
from hub.model.outputs import DeadLetter
from hub.sdk.rows import BadRow, Row


def dead_letter(domain: str, file: str, row: Row | BadRow, rejection: RejectedRecordError) -> DeadLetter:
    """`file` is the name only, not its path."""
    return DeadLetter(
        stage=f"connector:{domain}",
        reason=rejection.reason,
        detail=rejection.detail,
        at=wall_ms(),
        file=file,
        line=row.line,
        key=f"{file}:{row.line}".encode(),
        value=row.raw,
    )

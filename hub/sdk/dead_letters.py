"""What becomes of a row that cannot be used: a DeadLetter with file name, line, reason and the row."""

from __future__ import annotations

from hub.clock import wall_ms
from hub.errors import RejectedRecordError
from hub.model.outputs import DeadLetter
from hub.sdk.sources.file.rows import BadRow, Row


def dead_letter(domain: str, file: str, row: Row | BadRow, rejection: RejectedRecordError) -> DeadLetter:
    """`file` is the name only, not its path."""
    cut = (
        {"truncated": True, "size_bytes": row.size_bytes, "sha256": row.sha256}
        if isinstance(row, BadRow) and row.sha256
        else {}
    )
    return DeadLetter(
        stage=f"connector:{domain}",
        reason=rejection.reason,
        detail=rejection.detail,
        at=wall_ms(),
        file=file,
        line=row.line,
        key=f"{file}:{row.line}".encode(),
        value=row.raw,
        **cut,
    )

"""What becomes of an item that cannot be used: a DeadLetter with its place, the reason and what may be kept of it."""

from __future__ import annotations

from hub.clock import wall_ms
from hub.errors import RejectedRecordError
from hub.model.admitted import DeadLetter
from hub.sdk.contract import Item


def dead_letter(domain: str, item: Item, rejection: RejectedRecordError) -> DeadLetter:
    """`item` as Intake.kept gives it: it holds nothing that is personal."""
    cut = {"truncated": True, "size_bytes": item.size_bytes, "sha256": item.sha256} if item.sha256 else {}
    return DeadLetter(
        stage=f"connector:{domain}",
        reason=rejection.reason,
        detail=rejection.detail,
        at=wall_ms(),
        file=item.of,
        line=item.number,
        key=f"{item.of}:{item.number}".encode(),
        value=item.raw,
        **cut,
    )

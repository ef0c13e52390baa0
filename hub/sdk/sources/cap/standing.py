"""Which alerts are of one report, and which are in force: what a source of alerts knows between two of them. Pure.

It is part of a position, so it is bounded: of what is more, those that came first, and those that last longest, are let go.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hub.millis import datetime_of
from hub.sdk.contract import KeptPosition
from hub.sdk.sources.cap.alert import Alert

_MOST = 150
_HEADLINE_CHARS = 60


class InForce(KeptPosition):
    """An alert that ends by itself."""

    expires_ms: int
    status: str
    headline: str = ""


class AlertStanding(BaseModel):
    """`reports`: of updates, by a digest of their names, which report they are of. `in_force`: by report."""

    model_config = ConfigDict(extra="ignore")  # as of a KeptPosition, which it is a part of

    reports: dict[str, str] = Field({}, max_length=_MOST)
    in_force: dict[str, InForce] = Field({}, max_length=_MOST)

    def take(self, alert: Alert) -> dict[str, Any]:
        """The values of an alert, with its report: that of the first it refers to, or its own."""
        report = self._report(alert)
        self._note(alert, report)
        return alert.values | {"report": report}

    def expired(self, now_ms: int) -> list[dict[str, Any]]:
        """Statements about alerts that have ended since, the first to end first."""
        over = sorted((each.expires_ms, name) for name, each in self.in_force.items() if each.expires_ms <= now_ms)
        return [_ended(name, self.in_force.pop(name)) for _, name in over]

    @property
    def next_ms(self) -> int | None:
        """When the next ends."""
        return min((each.expires_ms for each in self.in_force.values()), default=None)

    def _report(self, alert: Alert) -> str:
        if not alert.refers_to:
            return alert.name
        first = alert.refers_to[0]
        return self.reports.get(_digest(first), first)

    def _note(self, alert: Alert, report: str) -> None:
        if report != alert.name:
            self.reports.pop(_digest(alert.name), None)
            self.reports[_digest(alert.name)] = report
            if len(self.reports) > _MOST:
                del self.reports[next(iter(self.reports))]
        if alert.values["statement"] == "other":
            return
        self.in_force.pop(report, None)
        if alert.expires_ms is not None and alert.values["statement"] != "cancel":
            headline = str(alert.values.get("headline", ""))[:_HEADLINE_CHARS]
            status = alert.values["status"]
            self.in_force[report] = InForce(expires_ms=alert.expires_ms, status=status, headline=headline)
            if len(self.in_force) > _MOST:
                del self.in_force[max(self.in_force, key=lambda name: self.in_force[name].expires_ms)]


def _ended(report: str, alert: InForce) -> dict[str, Any]:
    at = datetime_of(alert.expires_ms).isoformat(timespec="seconds")
    return {
        "report": report, "statement": "expired", "said_at": at, "expires": at, "status": alert.status,
        "headline": alert.headline,
    }  # fmt: skip


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]

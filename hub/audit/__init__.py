"""Proves from a hub's topics that nothing was lost, doubled or left without its cause, and compares two runs."""

from hub.audit.comparison import Comparison
from hub.audit.rebuilt import StateReport, judge_state
from hub.audit.report import AuditReport, Finding
from hub.audit.rest import Unrest
from hub.audit.run import audit, audit_with_state, compare, judge

__all__ = [
    "AuditReport", "Comparison", "Finding", "StateReport", "Unrest", "audit", "audit_with_state", "compare", "judge", "judge_state",
]  # fmt: skip

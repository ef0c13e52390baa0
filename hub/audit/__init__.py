"""Proves from a hub's topics that nothing was lost, doubled or left without its cause, and compares two runs."""

from hub.audit.checks.comparison import RunComparison
from hub.audit.checks.rebuilt import StateReport, judge_state
from hub.audit.checks.rest import Unrest
from hub.audit.report import AuditReport, Finding
from hub.audit.run import audit, audit_with_state, compare_runs, judge_tables

__all__ = [
    "AuditReport", "Finding", "RunComparison", "StateReport", "Unrest", "audit", "audit_with_state", "compare_runs", "judge_state",
    "judge_tables",
]  # fmt: skip

"""Proves from a hub's topics that nothing was lost, doubled or left without its cause, and compares two runs."""

from hub.audit.comparison import Comparison
from hub.audit.report import AuditReport, Finding
from hub.audit.run import audit, compare

__all__ = ["AuditReport", "Comparison", "Finding", "audit", "compare"]

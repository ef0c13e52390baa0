"""The part of city.yaml that says how cases live: refusals, arbitration, who supervises."""

from __future__ import annotations

from pydantic import Field

from hub.policy.models.base import Id, Strict


class LifeSpec(Strict):
    """What a city has settled about the life of its cases. What is not settled here has no limit.

    A window for refusals (退回期限) is a clock: declare one called `refuse` in deadlines.yaml, stopped by `refused` and
    `accepted`; once it has run out, a refusal is not allowed.
    """

    refusal_needs_reason: bool = False
    """A refusal (退回) must say why, in its note or its reason."""
    arbitrate_after: int | None = Field(None, ge=1, le=20)
    """After so many refusals a case goes to arbitration (裁定): then only a designation, which cannot be returned, moves it."""
    supervisors: tuple[Id, ...] = ()
    """Departments that may grant, designate, verify, call back, reopen and supervise (督办) beside the dispatch desk."""

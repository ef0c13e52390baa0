"""steps.yaml: what may be said of a case here beside what may be said everywhere."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hub.policy.models.base import Id, Name, Strict

StepBy = Literal["holder", "party", "joint", "desk"]
"""Who may say a step: who holds the case 主办; who holds it or helps 协办; who called others together or was called 吹哨、报到;
the dispatch desk or a supervisor 派单台、督办. The desk may say any of them."""
StateName = Literal[
    "dispatched", "accepted", "refused", "arbitration", "paused", "resolved", "verified", "satisfied", "unsatisfied", "ended"
]  # fmt: skip


class StepSpec(Strict):
    """A step of the city's own (签收、首次联系、立案、书面告知): clocks may start and stop by its code. It does not move a case.

    `states`: where the case may stand then; left out, anywhere before its end. `tell`: those who reported are told so, with what
    the department writes or, if it writes nothing, with this.
    """

    name: Name
    by: StepBy = "party"
    states: tuple[StateName, ...] = ()
    tell: Name | None = None


class StepsFile(Strict):
    """steps.yaml, which a folder may leave out. Codes are in lower case."""

    steps: dict[Id, StepSpec] = Field(default_factory=dict)

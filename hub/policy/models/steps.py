"""steps.yaml: what may be said of a case here beside what may be said everywhere, and what its resolutions may come to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hub.policy.models.base import Id, Name, ShortText, Strict

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
    legal_basis: ShortText | None = None


OutcomeMeaning = Literal[
    "solved", "explained", "mediated", "mediation_failed", "led_to_court", "withdrawn", "handed_on", "hung_up"
]  # fmt: skip
"""What an outcome counts as, whatever a city calls it: 已解决、解释说明、调解成功、调解不成功、引导诉讼、撤回、转办、挂账."""


class OutcomeSpec(Strict):
    """What a resolution may come to (办理结果). `by`: who may say so. `tell`: what those who reported are told where the department
    writes nothing; left out, its name. What counts as `hung_up` does not end the case: said with a date, it pauses the clocks
    whose rows have a pause for its code or its name, until then.
    """

    name: Name
    counts: OutcomeMeaning
    by: StepBy = "party"
    tell: Name | None = None
    legal_basis: ShortText | None = None

    def labels(self, code: str) -> tuple[str, ...]:
        """What the pause of a row may call it."""
        return code, self.name.en, self.name.zh, f"{self.name.en} {self.name.zh}", f"{self.name.zh} {self.name.en}"


class StepsFile(Strict):
    """steps.yaml, which a folder may leave out. Codes are in lower case."""

    steps: dict[Id, StepSpec] = Field(default_factory=dict)
    outcomes: dict[Id, OutcomeSpec] = Field(default_factory=dict)

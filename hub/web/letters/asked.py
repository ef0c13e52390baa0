"""What an operator asks to be done with dead letters, as the page sends it."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hub.inspect.letters import Letter
from hub.inspect.mending.dealt import MOST_WHY_CHARS
from hub.web.bodies import HttpProblem
from hub.web.letters.there import LetterFilter

MOST_CHOSEN = 5_000
"""In one act."""
MOST_CHOICE_BYTES, MOST_RECORD_BYTES = 256 * 1024, 4 * 1024 * 1024
MOST_A_SECOND = 1_000
_LetterId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}:[0-9]{1,18}$")]
_Code = Annotated[str, StringConstraints(max_length=200)]
_Asked = TypeVar("_Asked", bound=BaseModel)


class LetterChoice(BaseModel):
    """Letters by their ids, or all open ones that have something in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    letters: tuple[_LetterId, ...] = Field((), max_length=MOST_CHOSEN)
    reason: _Code | None = None
    stage: _Code | None = None
    sender: _Code | None = None

    @property
    def filter(self) -> LetterFilter:
        return LetterFilter(self.reason, self.stage, self.sender)


class LettersClosed(LetterChoice):
    """`why`: in the operator's words, which are kept."""

    why: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_WHY_CHARS)]


class LettersRedriven(LetterChoice):
    """`rate`: letters a second at most; `dry_run`: only say what would be sent."""

    rate: int = Field(50, ge=1, le=MOST_A_SECOND)
    again: bool = False
    dry_run: bool = True


class LetterMended(BaseModel):
    """`record`: the whole of it as JSON text; `header`: the names of columns, of a row of CSV; `again`: though sent often."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    record: str
    header: str | None = Field(None, max_length=20_000)
    mapping: str | None = Field(None, max_length=100)
    again: bool = False


def asked_in(kind: type[_Asked], body: bytes) -> _Asked:
    """Raises HttpProblem (422), which quotes nothing that was sent."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        where = sorted({".".join(map(str, each["loc"][:1])) for each in error.errors()})
        raise HttpProblem(422, f"this cannot be done; look at {', '.join(where)} 请检查填写内容") from None


def chosen_of(letters: list[Letter], choice: LetterChoice) -> list[Letter]:
    """Raises HttpProblem: 404 for an id of none, 422 if nothing is chosen, or too much."""
    if choice.letters:
        by_id = {letter.id: letter for letter in letters}
        if missing := [each for each in choice.letters if each not in by_id]:
            raise HttpProblem(404, f"{len(missing)} of these letters are not in the ledger 台账中无此死信")
        return [by_id[each] for each in dict.fromkeys(choice.letters)]
    if choice.filter == LetterFilter():
        raise HttpProblem(422, "choose letters, or what they have in common 请选择死信")
    return [each for each in letters if choice.filter.takes(each)]

"""Regular expressions that people declare, in RE2: its time grows with the text, whatever the expression and whoever wrote the
text. It knows neither look-around nor back references (github.com/google/re2/wiki/Syntax)."""

from __future__ import annotations

from typing import Protocol, cast

import re2


class Pattern(Protocol):
    """A compiled expression."""

    def search(self, text: str) -> object | None: ...


def compile_pattern(text: str) -> Pattern:
    """An expression that is looked for anywhere, upper and lower case alike. Raises ValueError if it is none, or not linear."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        return cast(Pattern, re2.compile(text, options))
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(
            f"not a regular expression of RE2: {said} (look-around and back references are left out, for their time has no bound)"
        ) from None

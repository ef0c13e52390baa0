"""JSON Schema's validators, imported without the parsers of a format that none of the checks asks for."""

from __future__ import annotations

import sys

# XXX: where rfc3987_syntax is installed, as the tool for SBOMs has it, importing jsonschema makes parsers for internationalised
# addresses, which takes four seconds; only a validator with a format checker uses them, and there is none here. Python takes a
# module that is None for one that is not installed.
_PARSERS = "rfc3987_syntax"
_left_out = _PARSERS not in sys.modules
if _left_out:
    sys.modules[_PARSERS] = None  # type: ignore[assignment]
try:
    import kubernetes_validate
    from jsonschema import Draft7Validator, Draft202012Validator
    from jsonschema.exceptions import ValidationError, best_match
finally:
    if _left_out:
        del sys.modules[_PARSERS]

__all__ = ["Draft7Validator", "Draft202012Validator", "ValidationError", "best_match", "kubernetes_validate"]

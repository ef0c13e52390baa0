"""A document as JSON, by the mapping that GeoReport calls Spark: a list is an array without a wrapper."""

from __future__ import annotations

import json
import re
from typing import Any

from hub.declared.texts import parse_json
from hub.open311.charsets import decoded
from hub.open311.errors import UnreadableError

_LEADING_ZEROS = re.compile(r"(?<=[:\[,])(\s*)(0[0-9]+)(?=\s*[,}\]])")


def written_spark(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def parsed_spark(body: bytes, charset: str | None = None) -> Any:
    """What a document holds, with numbers as the texts that they are. `001` is one, as the specification's examples have it.

    Raises UnreadableError: no JSON, or not a whole document.
    """
    text = decoded(body, charset or "utf-8").removeprefix("\ufeff")
    try:
        return _texts(parse_json(text, parse_float=str, null_for_no_number=True))
    except ValueError:
        try:
            return _texts(parse_json(_LEADING_ZEROS.sub(r'\1"\2"', text), parse_float=str, null_for_no_number=True))
        except ValueError:
            raise UnreadableError("it is no whole JSON document") from None


def _texts(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _texts(each) for name, each in content.items()}
    if isinstance(content, list):
        return [_texts(each) for each in content]
    return str(content) if isinstance(content, int) and not isinstance(content, bool) else content

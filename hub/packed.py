"""Decodes small records, JSON or MessagePack, of topics that anybody may have written to: bytes are a record or an error that is
caught, never the end of who reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

Decode = Callable[[bytes], Any]
"""Raises msgspec.DecodeError, a ValueError, for all that is no such record."""


def json_decoder(kind: Any) -> Decode:
    """A function that reads JSON as `kind`."""
    return _guarded(msgspec.json.Decoder(kind).decode)


def msgpack_decoder(kind: Any) -> Decode:
    """A function that reads MessagePack as `kind`."""
    return _guarded(msgspec.msgpack.Decoder(kind).decode)


def _guarded(decode: Decode) -> Decode:
    """XXX: msgspec steps over what a record has beside its fields, and for what is nested deeply there it raises
    RecursionError; for text that is not UTF-8, UnicodeDecodeError."""

    def guarded(value: bytes) -> Any:
        try:
            return decode(value)
        except RecursionError:
            raise msgspec.DecodeError("nested too deeply") from None
        except UnicodeDecodeError:
            raise msgspec.DecodeError("not UTF-8") from None

    return guarded

"""Reads the headers of a record, whoever named them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import methodcaller
from typing import TypeAlias

from confluent_kafka import Message

Headers: TypeAlias = Sequence[tuple[str, bytes | None]] | None
_asked = methodcaller("headers")


def headers_of(message: Message) -> Headers:
    """The headers of a record; None if it has none, or if one of their names is not UTF-8.

    XXX: for such a name `Message.headers` gives a list with holes, at which the interpreter may end, and leaves an error behind
    (confluent-kafka 2.16.1). Python looks for one when a function is called from C, as here; where a call is written out it does
    not once that has been run a few times, and the error strikes somebody else. Kafka takes any bytes as a name, and clients
    in C send them.
    """
    try:
        headers: Headers = _asked(message)
    except (SystemError, UnicodeDecodeError):
        message.set_headers([])  # the list with holes would be given to who asks again
        return None
    return headers or None

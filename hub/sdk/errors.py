"""What a source or a sink raises: the class of an error says who acts next, its text the cause, the place and the way out.

Of one record: `RejectedRecordError` (hub.errors), which sets that record aside. Anything that is not of these classes is a defect
of the source, and is shown as one.
"""

from __future__ import annotations

from hub.errors import FatalError, RetriableError


class TransientError(RetriableError):
    """The other side is away, slow or asks to wait: what was read so far is kept, and it is tried again by itself.

    `wait_seconds` is how long the other side asked to wait; None: as the back-off has it.
    """

    def __init__(self, message: str, *, wait_seconds: float | None = None) -> None:
        super().__init__(message, wait_seconds=wait_seconds or 0.0)
        self.asked = wait_seconds is not None


class EdgeError(FatalError):
    """This edge stops, and no other; `owner` says whose turn it is."""

    owner = "operator"


class AuthError(EdgeError):
    """The other side knows who asks and refuses, or does not know: whoever keeps the credentials mends them."""

    owner = "credentials"


class ConfigurationError(EdgeError):
    """What the edge was told cannot be right: whoever keeps connectors.yaml or the connector's folder mends it."""

    owner = "configuration"


class PermanentError(EdgeError):
    """The other side says that this will never work again: the address is gone."""

    owner = "receiver"


class PositionLostError(EdgeError):
    """How far the edge had come is gone, spoilt, or of another system: somebody says from where it goes on."""

    owner = "operator"


class ContractError(EdgeError):
    """A source did what the contract forbids; nothing was stored of it."""

    owner = "developer"


class UndeliveredError(FatalError):
    """Kafka did not take what was sent. Nothing is lost: what was not acknowledged is read again."""

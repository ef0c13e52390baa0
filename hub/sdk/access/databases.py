"""What sources and sinks of databases share: addresses without passwords, and what comes next after a database's error."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError

from hub.errors import HubError
from hub.sdk.errors import AuthError, ConfigurationError, TransientError

_FULL = frozenset({"53100", "SQLITE_FULL"})
_REFUSED_STATES = ("28", "42501")
_REFUSED_WORDS = (
    "password authentication failed",
    "no pg_hba.conf entry",
    "permission denied",
    "fe_sendauth",
    "readonly",
)
_LIMIT_STATE = "54"
"""Of PostgreSQL: program limit exceeded."""
_MISSING_STATES = ("42", "3D", "3F")
_MISSING_WORDS = ("no such table", "no such column", "does not exist", "unable to open", "has no column")


def _without_a_password(value: str) -> str:
    try:
        url = make_url(value)
    except ArgumentError:
        raise ValueError("write it as postgresql+psycopg://user@host/database or sqlite:///path") from None
    if url.password is not None:
        raise ValueError("a password stands in the address; give it under password, as env:NAME or file:PATH")
    return value


class UnfitError(HubError):
    """The database does not take a row, and never will: one with a NUL, or with a text that is too long for its index. It says what
    kind of error that is, and nothing of the row."""


def is_unfit(error: SQLAlchemyError) -> bool:
    """True if it is about what was to be written, and not about the database."""
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    return isinstance(error, (DataError, IntegrityError)) or state.startswith(_LIMIT_STATE)


DatabaseUrl = Annotated[str, AfterValidator(_without_a_password)]


def next_step(error: SQLAlchemyError, what: str) -> AuthError | ConfigurationError | TransientError:
    """The error that says what happens next; never with what the database said, which quotes rows."""
    original = error.orig if isinstance(error, DBAPIError) else None
    state, code = (str(getattr(original, name, None) or "") for name in ("sqlstate", "sqlite_errorname"))
    said = str(original).lower()
    name = ", ".join(filter(None, (type(original or error).__name__, code, f"SQLSTATE {state}" if state else "")))
    if _FULL & {state, code}:
        return TransientError(f"{what}: the disk of the database is full ({name}); make room there")
    if state.startswith(_REFUSED_STATES) or any(word in said for word in _REFUSED_WORDS):
        return AuthError(f"{what}: the database refuses ({name}); look at user, password and rights")
    if state.startswith(_MISSING_STATES) or (not state and any(word in said for word in _MISSING_WORDS)):
        return ConfigurationError(f"{what}: no such database, table or column ({name})")
    if isinstance(error, DBAPIError):
        return TransientError(f"{what}: the database does not answer ({name})")
    return ConfigurationError(f"{what}: it cannot be asked so ({name})")

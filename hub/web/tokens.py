"""Who may call: tokens, of which a file keeps the digests only. What is revoked there is refused within a second."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hub.bounds import SYSTEM_ID
from hub.clock import wall_ms
from hub.errors import FatalError

_PREFIX = "cityhub"
_SECRET_BYTES = 32
_ID_BYTES = 5
_LOOK_SECONDS = 1.0
MOST_TOKEN_CHARS = 200


class TokenKind(StrEnum):
    """What a token is for."""

    DEPARTMENT = "department"
    """A department's orders, receipts, cases and updates."""
    SOURCE = "source"
    """Where the reports of a source stand."""
    OPEN311 = "open311"
    """An `api_key` of Open311; the holder is an app."""


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"


class Token(BaseModel):
    """A token as it is kept. `digest`: SHA-256 of the secret, which is random enough not to be guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: TokenKind
    holder: Annotated[str, Field(pattern=rf"^{SYSTEM_ID}$")]
    scopes: tuple[Scope, ...]
    digest: str
    made_ms: int
    revoked_ms: int | None = None


_FILE = TypeAdapter(tuple[Token, ...])


class Tokens:
    """The tokens of a file, read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked = -_LOOK_SECONDS
        self._stamp: tuple[int, int, int] | None = None
        self._tokens: dict[str, Token] = {}

    def holder(self, text: str, kind: TokenKind) -> Token | None:
        """Whose token this is; None if nobody's, or revoked. Raises FatalError if the file cannot be read."""
        self._look()
        known = self._tokens.get(text.partition(".")[0])
        digest = _digest(text[:MOST_TOKEN_CHARS])
        same = hmac.compare_digest(digest, known.digest if known else digest[::-1])
        return known if known and same and known.kind == kind and known.revoked_ms is None else None

    def all(self) -> list[Token]:
        """In the order in which they were made."""
        return list(_read(self._path))

    def new(self, kind: TokenKind, holder: str, scopes: Iterable[Scope]) -> str:
        """A token's text, which is kept nowhere."""
        token_id = f"{_PREFIX}_{secrets.token_hex(_ID_BYTES)}"
        text = f"{token_id}.{secrets.token_urlsafe(_SECRET_BYTES)}"
        token = Token(
            id=token_id, kind=kind, holder=holder, scopes=tuple(scopes), digest=_digest(text), made_ms=wall_ms()
        )
        self._write([*_read(self._path), token])
        return text

    def revoke(self, token_id: str) -> Token:
        """Raises FatalError if there is none with this id."""
        found = {token.id: token for token in _read(self._path)}
        if token_id not in found:
            raise FatalError(f"there is no token {token_id!r}; `cityhub web token list` names them")
        token = found[token_id]
        found[token_id] = token.model_copy(update={"revoked_ms": token.revoked_ms or wall_ms()})
        self._write(found.values())
        return found[token_id]

    def _write(self, tokens: Iterable[Token]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(json.dumps([token.model_dump(mode="json") for token in tokens], indent=1).encode())
        fresh.replace(self._path)

    def _look(self) -> None:
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._tokens = {token.id: token for token in _read(self._path)}
            self._stamp = stamp


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> Iterator[Token]:
    try:
        yield from _FILE.validate_json(path.read_bytes())
    except FileNotFoundError:
        return
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no list of tokens"
        raise FatalError(f"{path} cannot be read ({why}); put back a copy, or remove it and make tokens anew") from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

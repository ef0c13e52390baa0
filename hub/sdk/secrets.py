"""Secrets of edges: connectors.yaml names where one is kept, and never holds one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr, ValidationInfo

from hub.sdk.access.paths import folder_of
from hub.settings import secret_in


def secret_text(reference: Any, info: ValidationInfo) -> Any:
    """The secret that `env:NAME` or `file:PATH` names. Raises ValueError, which never quotes what stands there."""
    if isinstance(reference, SecretStr):
        return reference
    if not isinstance(reference, str) or ":" not in reference:
        raise ValueError("a secret is named, not written here: env:NAME of a variable, or file:PATH")
    kind, _, name = reference.partition(":")
    if kind == "env":
        return _from_env(name)
    if kind == "file":
        return _from_file(folder_of(info) / name)
    raise ValueError("a secret is named, not written here: env:NAME of a variable, or file:PATH")


Secret = Annotated[SecretStr, BeforeValidator(secret_text)]
"""A field that is given as `env:NAME` or `file:PATH`, read once, and shown nowhere."""


def _from_env(name: str) -> SecretStr:
    value = os.environ.get(name, "")
    if not value:
        raise ValueError(f"the variable {name} is not set, or empty")
    return SecretStr(value)


def _from_file(path: Path) -> SecretStr:
    try:
        return SecretStr(secret_in(path))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} holds no secret: {error}") from None

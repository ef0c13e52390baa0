"""Mappings that begin with one of ours (`extends: open311`) and say what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

from hub.declared.document import read_yaml
from hub.declared.problems import hint

EXTENDS = "extends"
_FOLDER = Path(__file__).with_name("bases")
_Path: TypeAlias = tuple[str, ...]
_WITHIN: frozenset[_Path] = frozenset({("event",), ("event", "place"), ("event", "attributes"), ("reference",)})
"""What is extended key by key; all else is taken instead."""


def bases() -> list[str]:
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def extended(declared: Any) -> Any:
    """A declared mapping with all that it takes from its base: keys of its own instead, lists behind, null for nothing.

    Raises ValueError if there is no such base.
    """
    if not isinstance(declared, dict) or EXTENDS not in declared:
        return declared
    name, known = str(declared[EXTENDS]), bases()
    if name not in known:
        raise ValueError(f"there is no mapping {name!r} to extend; {hint(name, known)}")
    own = {key: value for key, value in declared.items() if key != EXTENDS}
    return _merged(read_yaml(_FOLDER / f"{name}.yaml"), own, ())


def _merged(base: dict[str, Any], own: dict[str, Any], within: _Path) -> dict[str, Any]:
    merged = base | {key: _one(base.get(key), value, (*within, key)) for key, value in own.items()}
    return {key: value for key, value in merged.items() if value is not None or key not in own}


def _one(base: Any, own: Any, path: _Path) -> Any:
    if path == ("event", "attributes") and isinstance(own, tuple):
        own = {name: name for name in own}
    if path in _WITHIN and isinstance(base, dict) and isinstance(own, dict):
        return _merged(base, own, path)
    if len(path) == 1 and isinstance(base, tuple) and isinstance(own, tuple):
        return (*base, *(each for each in own if each not in base))
    return own

"""Declared files (manifests, mappings): YAML into strict pydantic models, with errors that name file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from hub.declared.texts import read_text
from hub.declared.yaml_bounds import require_bounded
from hub.errors import FatalError

_LOADER: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the C one where PyYAML was built with it: ten times as fast
_Model = TypeVar("_Model", bound=BaseModel)


def load_yaml(path: Path, model: type[_Model]) -> _Model:
    """Read one file into `model`.

    Raises FatalError, naming file and line, if it is missing, is not YAML, repeats a key, or does not fit.
    """
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise FatalError(f"cannot read {path}: {error}") from error
    try:
        require_bounded(text, _LOADER)
        loader = _LOADER(text)
        root = loader.get_single_node()
        content = loader.construct_document(root) if root is not None else None
    except (yaml.YAMLError, ValueError) as error:  # a number of thousands of digits is a ValueError
        raise FatalError(f"{path} is not YAML: {error}") from error
    if root is not None:
        _refuse_repeats(root, path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        said = [
            f"{path.name}:{_line_of(root, each['loc'])}: {_where(each['loc'])}: {each['msg']}"
            for each in error.errors()
        ]
        raise FatalError(f"{path} is not a valid {model.__name__.lower()}:\n  " + "\n  ".join(said)) from None


def _where(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc)) or "file"


def _refuse_repeats(node: yaml.Node, path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                raise FatalError(f"{path}:{key.start_mark.line + 1}: {name} is given twice; remove one")
            seen.add(name)
            _refuse_repeats(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeats(item, path)


def _line_of(node: yaml.Node | None, loc: tuple[int | str, ...]) -> int:
    """The line of the deepest part of `loc` that is in the file: pydantic's paths also name union members."""
    line = node.start_mark.line + 1 if node else 1
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    line, node = key.start_mark.line + 1, value
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line

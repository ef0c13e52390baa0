"""Reads one YAML file and remembers on which line every value stands, so that a mistake is shown where it was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from hub.declared.texts import read_text
from hub.declared.yaml_bounds import require_bounded
from hub.policy.problems import Problems, hint

Location = tuple[int | str, ...]
M = TypeVar("M", bound=BaseModel)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C parser is ten times as fast
    """SafeLoader whose sequences are tuples: the models are frozen through and through."""


def _tuple(loader: _Loader, node: yaml.SequenceNode) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


def _timestamp(loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError as error:
        raise yaml.MarkedYAMLError(problem=f"{node.value!r}: {error}", problem_mark=node.start_mark) from error


_Loader.add_constructor("tag:yaml.org,2002:seq", _tuple)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


@dataclass
class Document:
    """A parsed YAML file. `value` is None for an empty file."""

    file: str
    value: Any = None
    lines: dict[Location, int] = field(default_factory=dict)

    def line(self, location: Location) -> int:
        """The line of the value at `location`, or of the nearest thing around it."""
        for end in range(len(location), -1, -1):
            if location[:end] in self.lines:
                return self.lines[location[:end]]
        return 1

    def validate(self, model: type[M], problems: Problems) -> M | None:
        """The file as `model`, or None after noting every mistake."""
        try:
            return model.model_validate({} if self.value is None else self.value)
        except ValidationError as error:
            for one in error.errors():
                where = tuple(one["loc"])
                problems.add(self.file, self.line(where), _in_words(model, where, one["type"], one["msg"]))
            return None


def _in_words(model: type[BaseModel], where: Location, kind: str, message: str) -> str:
    path = ".".join(str(part) for part in where)
    if kind == "extra_forbidden":
        return f"unknown key {where[-1]!r} at {path}; {hint(str(where[-1]), _keys(model))} (remove it or mend its name)"
    if kind == "missing":
        return f"{path} is missing; add it"
    said = message.removeprefix("Value error, ")
    return f"{path}: {said}" if path else said


def _keys(model: type[BaseModel]) -> set[str]:
    """All field names used in `model` and the models it holds."""
    found: set[str] = set()
    for definition in [model.model_json_schema(), *model.model_json_schema().get("$defs", {}).values()]:
        found |= set(definition.get("properties", {}))
    return found


def read_document(folder: Path, file: str, problems: Problems) -> Document | None:
    """The YAML file `file` of `folder`, or None after noting why it cannot be read."""
    try:
        text = read_text(folder / file)
    except FileNotFoundError:
        problems.add(file, 0, "the file is missing; every policy folder has one")
        return None
    except (OSError, UnicodeDecodeError) as error:
        problems.add(file, 0, f"cannot be read as UTF-8 text: {error}")
        return None
    document = Document(file)
    loader = _Loader(text)
    try:
        require_bounded(text, _Loader)
        node = loader.get_single_node()
        if node is not None:
            _note_lines(node, (), document, problems)
            document.value = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(file, mark.line + 1 if mark else 0, f"not YAML: {error.problem or error.context}")
        return None
    except (yaml.YAMLError, ValueError) as error:
        problems.add(file, 0, f"not YAML: {error}")
        return None
    finally:
        loader.dispose()
    return document


def _note_lines(node: yaml.Node, location: Location, document: Document, problems: Problems) -> None:
    document.lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                problems.add(document.file, line, f"the key {name!r} stands here a second time; keep one of the two")
            seen.add(name)
            document.lines[(*location, name)] = line
            _note_lines(value, (*location, name), document, problems)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _note_lines(value, (*location, index), document, problems)

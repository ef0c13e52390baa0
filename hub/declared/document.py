"""The one reader of YAML: it remembers on which line every value stands, so that each mistake is shown where it was made."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from hub.declared.problems import Problems, hint
from hub.declared.texts import read_text
from hub.declared.yaml_bounds import require_bounded

Location = tuple[int | str, ...]
_M = TypeVar("_M", bound=BaseModel)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C parser is ten times as fast
    """SafeLoader whose sequences are tuples: the models are frozen through and through."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """XXX: PyYAML's own constructors raise what comes of a value that its tag does not fit (`!!bool maybe`: KeyError)."""
        try:
            return super().construct_object(node, deep=deep)
        except (LookupError, AttributeError, TypeError, ArithmeticError, ValueError) as error:
            value = f"{node.value[:_SHOWN_CHARS]!r}" if isinstance(node, yaml.ScalarNode) else "what stands here"
            why = f": {error}" if isinstance(error, ValueError) else ""
            raise yaml.MarkedYAMLError(
                problem=f"{value} is no {node.tag.rpartition(':')[2]}{why}", problem_mark=node.start_mark
            ) from error


def _tuple(loader: _Loader, node: yaml.SequenceNode) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


def _int(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """XXX: YAML 1.1 takes 8:30 for the number 510, and the square of the time over a long one; in 1.2 it is a text. And it takes
    010 for 8, which in 1.2 is 10: nobody knows which is meant, so it is left a text, too."""
    return node.value if _NO_NUMBER.search(node.value) else loader.construct_yaml_int(node)


def _float(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return node.value if ":" in node.value else loader.construct_yaml_float(node)


_Loader.add_constructor("tag:yaml.org,2002:seq", _tuple)
_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)
_NO_NUMBER = re.compile(r":|^[-+]?0[0-7_]")
_SHOWN_CHARS = 40
_MOST_MISTAKES = 200
"""That are told of one file at once."""
_OF_MANY_SPELLINGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null", "timestamp"))


@dataclass
class Document:
    """A parsed YAML file: mappings are dictionaries, sequences are tuples. `value` is None for an empty file."""

    file: str
    value: Any = None
    lines: dict[Location, int] = field(default_factory=dict)

    def line(self, location: Location) -> int:
        """The line of the value at `location`, or of the nearest thing around it.

        A step that the file does not have is passed over: pydantic's locations also name the members of unions.
        """
        found: Location = ()
        for step in location:
            for key in (step, str(step)):
                if (*found, key) in self.lines:
                    found = (*found, key)
                    break
        return self.lines.get(found, 1)

    def place(self, location: Location) -> tuple[str, int]:
        """File and line of the value at `location`, as `line`."""
        return self.file, self.line(location)

    def validate(self, model: type[_M], problems: Problems) -> _M | None:
        """The file as `model`, or None after noting every mistake."""
        try:
            return model.model_validate({} if self.value is None else self.value)
        except ValidationError as error:
            for one in error.errors()[:_MOST_MISTAKES]:
                where = tuple(one["loc"])
                problems.add(*self.place(where), _in_words(model, where, one["type"], one["msg"]))
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
    schema = model.model_json_schema()
    for definition in [schema, *schema.get("$defs", {}).values()]:
        found |= set(definition.get("properties", {}))
    return found


def load_yaml(path: Path, model: type[_M], prepare: Callable[[Any], Any] | None = None) -> _M:
    """One declared file as `model`. `prepare`: what the file stands for, where it does not say all; may raise ValueError.

    Raises DeclarationError with file and line of every mistake: the file is missing, is not YAML, repeats a key, or does not fit.
    """
    problems = Problems(str(path))
    document = read_document(path, problems)
    if document and prepare:
        try:
            document.value = prepare(document.value)
        except ValueError as error:
            problems.add(document.file, 1, str(error))
            problems.raise_if_any()
    found = document.validate(model, problems) if document else None
    problems.raise_if_any()
    assert found is not None, "what is no model has noted why"
    return found


def read_yaml(path: Path) -> Any:
    """What one file holds that has no model of its own here. Raises DeclarationError, as `load_yaml`."""
    problems = Problems(str(path))
    document = read_document(path, problems)
    problems.raise_if_any()
    return document.value if document else None


def read_document(path: Path, problems: Problems, name: str | None = None) -> Document | None:
    """A YAML file, or None after noting why it cannot be read. A key that is given twice is noted, and the file read on.

    `name`: how mistakes call the file, if not by its own name.
    """
    file = name or path.name
    try:
        text = read_text(path)
    except FileNotFoundError:
        problems.add(file, 0, f"the file is missing; add it to {path.parent}")
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
            _Places(loader, document, problems).note(node, ())
            document.value = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.add(file, mark.line + 1 if mark else 0, f"not YAML: {error.problem or error.context}")
        return None
    except (yaml.YAMLError, ValueError) as error:
        problems.add(file, 0, f"not YAML: {error}")
        return None
    except TypeError:  # XXX: PyYAML takes a list for a key, whatever the list holds
        problems.add(file, 0, "not YAML: a key is a list of what no key can be; write keys as texts")
        return None
    finally:
        loader.dispose()
    return document


class _Places:
    """Notes where everything in a file stands, and each key that is given twice: YAML itself would silently take the last."""

    def __init__(self, loader: _Loader, document: Document, problems: Problems) -> None:
        self._loader, self._document, self._problems = loader, document, problems

    def note(self, node: yaml.Node, location: Location) -> None:
        """Of `node`, which stands at `location`, and of all within it."""
        self._document.lines.setdefault(location, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            self._note_keys(node, location)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.note(value, (*location, index))

    def _note_keys(self, node: yaml.MappingNode, location: Location) -> None:
        seen: set[object] = set()
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            names = {name, self._meaning(key)}
            if seen & names:
                self._problems.add(
                    self._document.file, line, f"the key {name!r} stands here a second time; keep one of the two"
                )
            seen |= names
            self._document.lines[(*location, name)] = line
            self.note(value, (*location, name))

    def _meaning(self, key: yaml.Node) -> object:
        """What the key is in the dictionary: `yes` and `true`, or `1` and `0x1`, are one."""
        return self._loader.construct_object(key) if key.tag in _OF_MANY_SPELLINGS else str(key.value)

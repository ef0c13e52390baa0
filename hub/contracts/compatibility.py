"""Whether one version of an Avro schema can read what another wrote, by Avro's rules of schema resolution."""

from __future__ import annotations

from typing import Any

_PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


def incompatibilities(writer: Any, reader: Any) -> list[str]:
    """What stops `reader` (a parsed JSON schema) from reading records of `writer`; empty if nothing does.

    Stricter than Avro in one thing: another logical type is a change of meaning and is refused.
    """
    return _Check(writer, reader).compare(writer, reader, "")


class _Check:
    """One comparison; named types are resolved, pairs already under way are not entered again."""

    def __init__(self, writer: Any, reader: Any) -> None:
        self._writers, self._readers = _named(writer), _named(reader)
        self._seen: set[tuple[str, str]] = set()

    def compare(self, writer: Any, reader: Any, path: str) -> list[str]:
        writer, reader = self._resolved(writer, self._writers), self._resolved(reader, self._readers)
        if isinstance(writer, list):
            return [said for branch in writer for said in self.compare(branch, reader, path)]
        if isinstance(reader, list):
            tried = [self.compare(writer, branch, path) for branch in reader]
            if any(not each for each in tried):
                return []
            return [f"{path or 'record'}: {_kind(writer)} fits none of {', '.join(_kind(each) for each in reader)}"]
        return self._same_kind(writer, reader, path)

    def _same_kind(self, writer: Any, reader: Any, path: str) -> list[str]:
        wrote, reads = _kind(writer), _kind(reader)
        if wrote != reads:
            good = reads in _PROMOTIONS.get(wrote, set()) and not (_logical(writer) or _logical(reader))
            return [] if good else [f"{path or 'record'}: was {wrote}, is {reads}"]
        if _logical(writer) != _logical(reader):
            return [f"{path or 'record'}: logical type was {_logical(writer)}, is {_logical(reader)}"]
        if wrote == "record":
            return self._records(writer, reader, path)
        if wrote == "enum":
            gone = [each for each in writer["symbols"] if each not in reader["symbols"]]
            return (
                [f"{path}: symbols {', '.join(gone)} are gone and there is no default"]
                if gone and "default" not in reader
                else []
            )
        if wrote == "array":
            return self.compare(writer["items"], reader["items"], f"{path}[]")
        if wrote == "map":
            return self.compare(writer["values"], reader["values"], f"{path}{{}}")
        if wrote == "fixed" and writer["size"] != reader["size"]:
            return [f"{path}: size was {writer['size']}, is {reader['size']}"]
        return []

    def _records(self, writer: dict[str, Any], reader: dict[str, Any], path: str) -> list[str]:
        pair = (_full_name(writer), _full_name(reader))
        if pair in self._seen:
            return []
        self._seen.add(pair)
        if writer["name"] != reader["name"]:
            return [f"{path or 'record'}: was record {writer['name']}, is {reader['name']}"]
        wrote = {field["name"]: field for field in writer["fields"]}
        said = []
        for field in reader["fields"]:
            here = f"{path}.{field['name']}".lstrip(".")
            names = [field["name"], *field.get("aliases", [])]
            match = next((wrote[name] for name in names if name in wrote), None)
            if match is not None:
                said += self.compare(match["type"], field["type"], here)
            elif "default" not in field:
                said.append(f"{here}: is new and has no default")
        return said

    def _resolved(self, schema: Any, names: dict[str, Any]) -> Any:
        return names.get(schema, schema) if isinstance(schema, str) else schema


def _named(schema: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def visit(node: Any) -> None:
        if isinstance(node, list):
            for each in node:
                visit(each)
        elif isinstance(node, dict):
            if node.get("type") in ("record", "enum", "fixed"):
                found[node["name"]] = found[_full_name(node)] = node
            for key in ("type", "items", "values"):
                if isinstance(node.get(key), dict | list):
                    visit(node[key])
            for field in node.get("fields", []):
                visit(field)

    visit(schema)
    return found


def _full_name(schema: dict[str, Any]) -> str:
    return f"{schema['namespace']}.{schema['name']}" if schema.get("namespace") else str(schema["name"])


def _kind(schema: Any) -> str:
    if isinstance(schema, list):
        return "union"
    if isinstance(schema, str):
        return schema
    kind = schema["type"]
    return kind if isinstance(kind, str) else _kind(kind)


def _logical(schema: Any) -> str | None:
    return schema.get("logicalType") if isinstance(schema, dict) else None

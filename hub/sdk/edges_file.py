"""connectors.yaml: what one installation reads from and hands to, and with which settings. It names secrets, and holds none."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hub.declared.document import Document, read_document
from hub.declared.problems import Problems
from hub.errors import FatalError
from hub.model.base import SystemId
from hub.sdk.streams import SinkSpec
from hub.settings import Settings, variable

_log = logging.getLogger(__name__)


class EdgeSpec(BaseModel):
    """One edge: a connector at work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connector: str | None = Field(None, description="which one; without it the one of the edge's name")
    kind: str | None = Field(None, description="in place of the manifest's: file, to read an export")
    mapping: str | None = Field(None, description="in place of the connector's default")
    department: SystemId | None = Field(
        None, description="whose updates the rows are, where the mapping has `update` in place of `event`"
    )
    settings: dict[str, Any] = Field({}, description="of the kind of source; secrets as env:NAME or file:PATH")
    rhythm_minutes: float | None = Field(
        None, gt=0, description="something comes at least so often; silence for longer is shown as degraded"
    )
    max_rejects_in_a_row: int = Field(1000, ge=1, description="so many, and this edge pauses until somebody resumes it")


class EdgesFile(BaseModel):
    """All edges of an installation, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    search: tuple[Path, ...] = Field((), description="folders with connectors of one's own, relative to this file")
    edges: dict[str, EdgeSpec] = Field({}, description="name of the edge to what it is")
    sinks: dict[str, SinkSpec] = Field({}, description="name of the sink to what it is; other names than the edges'")


def read_edges_file(path: Path) -> tuple[EdgesFile, Document]:
    """Raises DeclarationError with file and line of every mistake."""
    problems = Problems(str(path))
    document = read_document(path, problems)
    found = document.validate(EdgesFile, problems) if document else None
    if found and document:
        _check_names(found, path, document, problems)
    problems.raise_if_any()
    assert found is not None, "what is none has noted why"
    assert document is not None
    return found, document


def _check_names(edges: EdgesFile, path: Path, document: Document, problems: Problems) -> None:
    for kind, names in (("edges", edges.edges), ("sinks", edges.sinks)):
        for name in names:
            if not _is_name(name):
                problems.add(path.name, document.line((kind, name)), f"{name!r} is no name: a-z, 0-9, _ and -")
            elif kind == "sinks" and name in edges.edges:
                problems.add(path.name, document.line((kind, name)), f"{name!r} is an edge already; name it otherwise")


def search_path() -> list[Path]:
    """The folders that connectors.yaml of this installation names; none if it cannot be read, which is said."""
    path = os.environ.get(variable("connectors"))
    if not path:
        return []
    try:
        return [Path(path).parent / each for each in read_edges_file(Path(path))[0].search]
    except FatalError as error:
        _log.warning("connectors on the search path are left out: %s", error)
        return []


def require_path(settings: Settings) -> Path:
    """Where connectors.yaml is. Raises FatalError if nobody has said so."""
    if settings.connectors is None:
        raise FatalError(
            "no connectors.yaml is named: set CITYHUB_CONNECTORS to its path (docs/connectors.md has one to begin with)"
        )
    return settings.connectors


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[a-z][a-z0-9_-]{0,59}", name) is not None

"""The kinds of sources, by name: those that come with the hub, a connector's own, and those that installed packages bring."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from hub.declared.problems import hint
from hub.sdk.contract import Source
from hub.sdk.errors import ConfigurationError
from hub.sdk.manifest import Manifest

ENTRY_POINTS = "cityhub.sources"
OWN = "own"
_BUILT_IN = {
    "file": "hub.sdk.sources.file.source:FileSource",
    "folder": "hub.sdk.sources.folder.source:FolderSource",
    "http": "hub.sdk.sources.http.source:HttpSource",
    "sql": "hub.sdk.sources.sql.source:SqlSource",
    "webhook": "hub.sdk.sources.webhook.source:WebhookSource",
}


def kinds() -> dict[str, str]:
    """Name to `module:class`."""
    return {each.name: each.value for each in entry_points(group=ENTRY_POINTS)} | _BUILT_IN


def source_type(manifest: Manifest, kind: str | None = None) -> type[Source]:
    """The class that reads a connector's system. Raises ConfigurationError if there is none, or it cannot be imported."""
    kind = kind or manifest.source.kind
    if kind == OWN:
        return _own(manifest)
    known = kinds()
    if kind not in known:
        raise ConfigurationError(
            f"connector {manifest.domain}: there is no kind of source {kind!r}; {hint(kind, [*known, OWN])}"
        )
    module, _, name = known[kind].partition(":")
    try:
        return _checked(getattr(importlib.import_module(module), name), manifest)
    except ImportError as error:
        raise ConfigurationError(
            f"sources of kind {kind} cannot be used here: {error}; pip install 'cityhub[{kind}]' brings what it needs"
        ) from error


def _own(manifest: Manifest) -> type[Source]:
    """`SOURCE` of the connector's source.py, which may import its neighbours (`from .client import ...`)."""
    try:
        return _checked(_module(manifest.folder).SOURCE, manifest)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise ConfigurationError(f"connector {manifest.domain}: source.py cannot be used: {error}") from error


def _module(folder: Path) -> ModuleType:
    package = f"cityhub_connectors.{folder.name}"
    for name in ("cityhub_connectors", package):
        if name not in sys.modules:
            sys.modules[name] = module_from_spec(ModuleSpec(name, None, is_package=True))
    sys.modules[package].__path__ = [str(folder)]
    name = f"{package}.source"
    spec = spec_from_file_location(name, folder / "source.py")
    if spec is None or spec.loader is None or not (folder / "source.py").is_file():
        raise ImportError(f"there is no {folder / 'source.py'}")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _checked(found: object, manifest: Manifest) -> type[Source]:
    if not (isinstance(found, type) and issubclass(found, Source)):
        raise ConfigurationError(f"connector {manifest.domain}: SOURCE must be a class, and a hub.sdk.contract.Source")
    return found

"""The kinds of sources and of sinks, by name: those that come with the hub, a connector's own, and those that packages bring."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hub.declared.problems import hint
from hub.sdk.contract import Source
from hub.sdk.errors import ConfigurationError
from hub.sdk.manifest import Manifest, find_manifest
from hub.sdk.sink_contract import Sink

SOURCE_ENTRY_POINTS, SINK_ENTRY_POINTS = "cityhub.sources", "cityhub.sinks"
OWN = "own"
_BUILT_IN = {
    "cap": "hub.sdk.sources.cap.source:CapSource",
    "changes": "hub.sdk.sources.changes.source:ChangesSource",
    "file": "hub.sdk.sources.file.source:FileSource",
    "folder": "hub.sdk.sources.folder.source:FolderSource",
    "http": "hub.sdk.sources.http.source:HttpSource",
    "mqtt": "hub.sdk.sources.mqtt.source:MqttSource",
    "open311": "hub.sdk.sources.open311.source:Open311Source",
    "sql": "hub.sdk.sources.sql.source:SqlSource",
    "webhook": "hub.sdk.sources.webhook.source:WebhookSource",
}
_BUILT_IN_SINKS = {
    "mqtt": "hub.sdk.sinks.mqtt.sink:MqttSink",
    "open311": "hub.sdk.sinks.open311.sink:Open311Sink",
    "files": "hub.sdk.sinks.files.sink:FilesSink",
    "sql": "hub.sdk.sinks.sql.sink:SqlSink",
    "webhook": "hub.sdk.sinks.webhook.sink:WebhookSink",
}


def kinds() -> dict[str, str]:
    """Of sources: name to `module:class`."""
    return {each.name: each.value for each in entry_points(group=SOURCE_ENTRY_POINTS)} | _BUILT_IN


def sink_kinds() -> dict[str, str]:
    """Of sinks: name to `module:class`."""
    return {each.name: each.value for each in entry_points(group=SINK_ENTRY_POINTS)} | _BUILT_IN_SINKS


def source_type(manifest: Manifest, kind: str | None = None) -> type[Source]:
    """The class that reads a connector's system. Raises ConfigurationError if there is none, or it cannot be imported."""
    kind = kind or manifest.source.kind
    who = f"connector {manifest.domain}"
    found = _own(manifest, "source") if kind == OWN else _imported(kind, kinds(), "source", who)
    source: type[Source] = _checked(found, Source, f"{who}: SOURCE must be a class, and a hub.sdk.contract.Source")
    return source


def sink_type(name: str, kind: str, connector: str | None = None) -> type[Sink]:
    """The class of a sink called `name`. Raises ConfigurationError if there is none, or it cannot be imported."""
    who = f"sink {name}"
    found = (
        _own(find_manifest(connector or name), "sink") if kind == OWN else _imported(kind, sink_kinds(), "sink", who)
    )
    sink: type[Sink] = _checked(found, Sink, f"{who}: SINK must be a class, and a hub.sdk.sink_contract.Sink")
    return sink


def _imported(kind: str, kinds: dict[str, str], what: str, who: str) -> object:
    if kind not in kinds:
        raise ConfigurationError(f"{who}: there is no kind of {what} {kind!r}; {hint(kind, [*kinds, OWN])}")
    module, _, name = kinds[kind].partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ConfigurationError(
            f"{what}s of kind {kind} cannot be used here: {error}; pip install 'cityhub[{kind}]' brings what it needs"
        ) from error


def _own(manifest: Manifest, what: str) -> object:
    """`SOURCE` of the connector's source.py or `SINK` of its sink.py, which may import neighbours (`from .client import ...`)."""
    try:
        return getattr(_module(manifest.folder, what), what.upper())
    except (ImportError, AttributeError, SyntaxError) as error:
        raise ConfigurationError(f"connector {manifest.domain}: {what}.py cannot be used: {error}") from error


def _module(folder: Path, what: str) -> ModuleType:
    package = f"cityhub_connectors.{folder.name}"
    for name in ("cityhub_connectors", package):
        if name not in sys.modules:
            sys.modules[name] = module_from_spec(ModuleSpec(name, None, is_package=True))
    sys.modules[package].__path__ = [str(folder)]
    name = f"{package}.{what}"
    spec = spec_from_file_location(name, folder / f"{what}.py")
    if spec is None or spec.loader is None or not (folder / f"{what}.py").is_file():
        raise ImportError(f"there is no {folder / what}.py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _checked(loaded: object, kind: Any, complaint: str) -> Any:
    if not (isinstance(loaded, type) and issubclass(loaded, kind)):
        raise ConfigurationError(complaint)
    return loaded

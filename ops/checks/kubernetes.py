"""What can be known of ops/kubernetes without a cluster: Kubernetes' own schemas, strictly, and then what no schema knows: files
that are named, commands, settings, rights, probes, claims."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from hub.declared.document import read_yaml
from hub.settings import ROOT, Settings, SettingsError
from ops.checks.compose import usage_problem
from ops.checks.json_schema import kubernetes_validate

BASE = ROOT / "ops" / "kubernetes" / "base"
VERSIONS = ("1.33", "1.37")
"""The oldest that is looked after when this is written, and the newest that the schemas have."""
_SECRETS = "/run/secrets/"
_IMAGE_ROOT = "/app/"
Resource = dict[str, Any]


def resources(folder: Path = BASE) -> list[tuple[str, Resource]]:
    """Every resource that kustomization.yaml names, with its file."""
    listed: list[tuple[str, Resource]] = []
    for name in read_yaml(folder / "kustomization.yaml")["resources"]:
        documents = yaml.safe_load_all((folder / name).read_text("utf-8"))  # several in one file
        listed += [(name, json.loads(json.dumps(document))) for document in documents]
    return listed


def problems(folder: Path = BASE) -> Iterator[str]:
    """Everything that is wrong; nothing when all is well."""
    there = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    named = set(read_yaml(folder / "kustomization.yaml")["resources"])
    yield from (f"ops/kubernetes: {name} is named in kustomization.yaml, and is not there" for name in named - there)
    yield from (f"ops/kubernetes: {name} is not named in kustomization.yaml" for name in there - named)
    if named - there:
        return
    environment = _environment(folder)
    yield from (f"ops/kubernetes: config.env: {problem}" for problem in _settings(environment))
    for file, resource in resources(folder):
        where = f"ops/kubernetes: {file}: {resource.get('kind')} {resource.get('metadata', {}).get('name')}"
        yield from (f"{where}: {problem}" for problem in _against_the_schemas(resource))
        pod = _pod(resource)
        if pod is not None:
            yield from (f"{where}: {problem}" for problem in _sound(pod, resource, environment))


def _environment(folder: Path) -> dict[str, str]:
    lines = (folder / "config.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _settings(environment: dict[str, str]) -> Iterator[str]:
    for key in sorted(environment.keys() - set(Settings.variables())):
        yield f"{key} is no setting"
    try:
        Settings.from_env({key: value for key, value in environment.items() if not value.startswith(_SECRETS)})
    except SettingsError as error:
        yield f"not valid: {'; '.join(error.problems)}"
    for key, value in environment.items():
        if value.startswith(_IMAGE_ROOT) and not (ROOT / value.removeprefix(_IMAGE_ROOT)).exists():
            yield f"{key} names {value}, which is not in the image"


def _against_the_schemas(resource: Resource) -> Iterator[str]:
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"Kubernetes {version}: {error}".splitlines()[0]
        except kubernetes_validate.SchemaNotFoundError:
            yield f"Kubernetes {version} knows no {resource.get('apiVersion')} {resource.get('kind')}"


def _pod(resource: Resource) -> Resource | None:
    spec = resource.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    found: Resource | None = spec.get("template", {}).get("spec")
    return found


def _sound(pod: Resource, resource: Resource, environment: dict[str, str]) -> Iterator[str]:
    security = pod.get("securityContext", {})
    if not security.get("runAsNonRoot") or security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "is to run as somebody who is not root, with the default seccomp profile"
    claims = resource["spec"].get("volumeClaimTemplates", [])
    volumes = {each["name"] for each in pod.get("volumes", [])} | {each["metadata"]["name"] for each in claims}
    for container in pod["containers"]:
        rights = container.get("securityContext", {})
        if (rights.get("readOnlyRootFilesystem"), rights.get("allowPrivilegeEscalation")) != (
            True,
            False,
        ) or rights.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{container['name']} is to have a read-only root and no rights"
        yield from _command(container)
        mounts = {each["name"]: each["mountPath"] for each in container.get("volumeMounts", [])}
        yield from (f"mounts {name}, which is no volume" for name in mounts.keys() - volumes)
        for value in environment.values():
            if value.startswith(_SECRETS) and not any(value.startswith(f"{path}/") for path in mounts.values()):
                yield f"{container['name']} reads {value}, and mounts no such secret"
        if "ports" in container and not {"startupProbe", "livenessProbe"} <= container.keys():
            yield f"{container['name']} serves, and is not asked whether it is well"
        if "limits" not in container.get("resources", {}):
            yield f"{container['name']} has no limit of memory"


def _command(container: Resource) -> Iterator[str]:
    args = container.get("args", [])
    problem = usage_problem(args[1:]) if args[:1] == ["cityhub"] else "is not cityhub"
    if problem:
        yield f"`{' '.join(args)}`: {problem}"
    ports = [args[at + 1] for at, word in enumerate(args) if re.fullmatch(r"--(?:web-|metrics-)?port", word)]
    served = [str(each["containerPort"]) for each in container.get("ports", [])]
    if served != ports:
        yield f"serves {', '.join(ports) or 'nothing'}, and says {', '.join(served) or 'nothing'}"

"""Paths in connectors.yaml: relative ones are relative to that file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo


def folder_of(info: ValidationInfo) -> Path:
    """The folder of the file in which a setting stands; the present one if it stands in none."""
    context: Any = info.context
    return Path(context["folder"]) if context else Path()


def _in_folder(path: Path, info: ValidationInfo) -> Path:
    return folder_of(info) / path


LocalPath = Annotated[Path, AfterValidator(_in_folder)]

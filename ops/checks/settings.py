"""The README's table of settings, made from `hub.settings`: `python -m ops.checks.settings` puts it there anew."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import click

from hub.settings import ROOT, Settings

README = ROOT / "README.md"
BEGIN, END = "<!-- settings: made by `python -m ops.checks.settings` -->\n", "<!-- settings end -->"


def table() -> str:
    """Every setting with its default and meaning, as Markdown."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "the host's name" if field.default_factory else _shown(field.default)
        rows.append(f"| `CITYHUB_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def _shown(default: object) -> str:
    if isinstance(default, Path) and default.is_relative_to(ROOT):
        default = default.relative_to(ROOT)
    value = default.value if isinstance(default, Enum) else default
    return "none" if value in (None, "") else f"`{value}`"


def with_table(text: str) -> str:
    """`text` with the table between its marks made anew. Raises ValueError if the marks are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README lacks the marks {BEGIN.strip()} and {END}")
    return before + begin + table() + end + after


@click.command()
def main() -> None:
    """Write the table of settings into README.md."""
    README.write_text(with_table(README.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

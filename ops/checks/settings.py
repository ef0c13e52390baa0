"""docs/settings.md, made from `hub.settings`: `python -m ops.checks.settings` writes it, `ops.checks` compares."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from hub.settings import ROOT, Settings, variable

PAGE = ROOT / "docs" / "settings.md"
_HEAD = """\
<!-- made from hub/settings.py by `python -m ops.checks.settings` -->
# Settings 设置

Each setting is a variable of the environment. Options of a command (`--namespace`, `--web-port`, …) come before it, and what is
not set, or is empty, has its default. Every mistake is said at once, by the name of its variable and never with its value; the
command then ends with exit code 2.

"""
_SECRETS = """
A secret may stand in a file instead, as container platforms hand secrets out: set the variable with `_FILE` after its name to the
file's path. Its content counts, without the line end after it. Set one of the two, not both. Secrets stand in no log, metric or
error, and no option takes one. They are: {secrets}.

## Read elsewhere
| variable | who reads it | meaning |
|---|---|---|
| `CITYHUB_BROKER_SHORT_LIVED` | the embedded broker | `1`: for minutes, as in tests: compiled quickly, not well |
| `CITYHUB_CACHE` | `make setup`, the embedded broker | where jars and programs are kept, instead of `~/.cache/cityhub` |
| `CITYHUB_DATA` | `cityhub demo`, `cityhub scoreboard`, `make test-real` | folder of real files to replay |
| `CITYHUB_TEST_BOOTSTRAP` | the tests | Kafka to use, instead of one of their own |
"""


def page() -> str:
    """Every setting with its default and meaning, as Markdown."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "the host's name" if field.default_factory else _shown(field.default)
        rows.append(f"| `{variable(name)}` | {default} | {field.description} |")
    secrets = ", ".join(f"`{variable(name)}`" for name in sorted(Settings.secrets()))
    return _HEAD + "\n".join(rows) + "\n" + _SECRETS.format(secrets=secrets)


def _shown(default: object) -> str:
    if isinstance(default, Path) and default.is_relative_to(ROOT):
        default = default.relative_to(ROOT)
    value = default.value if isinstance(default, Enum) else default
    return "none" if value in (None, "") else f"`{value}`"


def problems() -> Iterator[str]:
    """What is wrong with the page and the descriptions, if anything."""
    for name, field in Settings.model_fields.items():
        if not field.description:
            yield f"hub/settings.py: {name} has no description"
    if not PAGE.is_file() or PAGE.read_text("utf-8") != page():
        yield f"{PAGE.relative_to(ROOT)} is not what hub/settings.py says; run `python -m ops.checks.settings`"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")

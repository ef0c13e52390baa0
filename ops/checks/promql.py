"""What a PromQL expression refers to: metric names and label names. A tokeniser, not a parser: promtool judges the syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    |(?P<window>\[[^\]]*\])
    |(?P<number>[0-9][0-9a-zA-Z_.]*)
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<sign>[^\s])""",
    re.VERBOSE,
)
_LABELS_FOLLOW = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_WORDS = _LABELS_FOLLOW | {"and", "or", "unless", "offset", "bool", "inf", "nan"}
_VARIABLE = re.compile(r"\$\{?(__rate_interval|__interval|__range)\}?")


@dataclass(frozen=True)
class References:
    """Names an expression uses."""

    metrics: frozenset[str]
    labels: frozenset[str]


def plain(expression: str, window: str = "1m") -> str:
    """The expression without Grafana's variables for durations. Other variables are an error of promtool's to find."""
    return _VARIABLE.sub(window, expression)


def references(expression: str) -> References:
    """The names in an expression that is valid PromQL."""
    tokens = [(found.lastgroup or "", found.group()) for found in _TOKEN.finditer(plain(expression))]
    metrics: set[str] = set()
    labels: set[str] = set()
    closing = ""  # of the braces or the label list we are in
    for at, (kind, text) in enumerate(tokens):
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if text == "{" or (text == "(" and at and tokens[at - 1][1] in _LABELS_FOLLOW):
            closing = "}" if text == "{" else ")"
        elif closing and text == closing:
            closing = ""
        elif kind == "name" and closing:
            labels.add(text)
        elif kind == "name" and text not in _WORDS and following not in ("(", "by", "without"):
            metrics.add(text)
    return References(frozenset(metrics), frozenset(labels))

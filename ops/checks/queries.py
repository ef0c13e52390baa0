"""Every PromQL expression of the project, from the alert rules and the dashboard, and what is wrong with any of them."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from hub.declared.document import read_yaml
from hub.settings import ROOT
from ops.checks.declared import hub_series, process_series
from ops.checks.promql import plain, references
from ops.checks.tools import find

PROMETHEUS = ROOT / "ops" / "prometheus"
RULES = PROMETHEUS / "rules.yml"
DASHBOARD = ROOT / "ops" / "grafana" / "dashboards" / "cityhub.json"
SEVERITIES = frozenset({"page", "ticket", "heartbeat"})
_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{3}")


class Query(NamedTuple):
    """An expression, where it stands, and the labels its legend or annotations name."""

    place: str
    expression: str
    named: frozenset[str]


def rules(path: Path = RULES) -> list[dict[str, Any]]:
    return [rule for group in read_yaml(path)["groups"] for rule in group["rules"]]


def panels(path: Path = DASHBOARD) -> list[dict[str, Any]]:
    """Panels, rows included."""
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["panels"]
    return found + [inner for panel in found for inner in panel.get("panels", ())]


def rule_queries() -> Iterator[Query]:
    for rule in rules():
        name = rule.get("alert") or rule["record"]
        told = " ".join(rule.get("annotations", {}).values())
        yield Query(f"rule {name}", rule["expr"], frozenset(re.findall(r"\$labels\.(\w+)", told)))


def dashboard_queries() -> Iterator[Query]:
    for panel in panels():
        for target in panel.get("targets", ()):
            named = frozenset(_LEGEND.findall(target.get("legendFormat", "")))
            yield Query(f"panel {panel['title']!r} {target['refId']}", target["expr"], named)


def recorded() -> dict[str, frozenset[str]]:
    """Series that rules record, with the labels of what they are made of."""
    known = hub_series() | process_series()
    found = {}
    for rule in rules():
        if "record" in rule:
            used = references(rule["expr"]).metrics
            found[rule["record"]] = frozenset().union(*(known.get(name, frozenset()) for name in used))
    return found


def bilingual(text: str) -> bool:
    return bool(_CHINESE.search(text) and _LATIN.search(text))


def name_problems(queries: list[Query]) -> Iterator[str]:
    """Metrics and labels that nobody declares."""
    known = hub_series() | process_series() | recorded()
    for query in queries:
        used = references(query.expression)
        for name in sorted(used.metrics - known.keys()):
            yield f"{query.place}: no metric is called {name}; see hub/metrics.py"
        has = frozenset({"alertname"}).union(*(known.get(name, frozenset()) for name in used.metrics))
        for label in sorted((used.labels | query.named) - has):
            yield f"{query.place}: none of {', '.join(sorted(used.metrics))} has a label {label}"


def syntax_problems(queries: list[Query]) -> Iterator[str]:
    """What promtool says of the expressions: each is put into a rule of its own."""
    made = [{"record": f"check:{at}", "expr": plain(query.expression)} for at, query in enumerate(queries)]
    with tempfile.TemporaryDirectory(prefix="cityhub-rules-") as folder:
        path = Path(folder, "expressions.yml")
        path.write_text(yaml.safe_dump({"groups": [{"name": "check", "rules": made}]}), "utf-8")
        done = promtool("check", "rules", "--lint=none", str(path))
    if done.returncode:
        said = re.sub(r"check:(\d+)", lambda found: queries[int(found[1])].place, done.stderr + done.stdout)
        yield said.strip()


def rule_problems() -> Iterator[str]:
    """An alert says how bad it is, in both languages what it means, and which runbook has the way out."""
    for rule in rules():
        if "alert" not in rule:
            continue
        name, notes = rule["alert"], rule.get("annotations", {})
        if rule.get("labels", {}).get("severity") not in SEVERITIES:
            yield f"rule {name}: severity is one of {', '.join(sorted(SEVERITIES))}"
        for note in ("summary", "description"):
            if not bilingual(notes.get(note, "")):
                yield f"rule {name}: its {note} is to be in English and Chinese"
        if not (notes.get("runbook_url") and (ROOT / notes["runbook_url"]).is_file()):
            yield f"rule {name}: runbook_url {notes.get('runbook_url')!r} is not a file"


def dashboard_problems() -> Iterator[str]:
    """Titles in both languages, an id for each panel; every metric of the hub is shown somewhere."""
    numbers: set[int] = set()
    for panel in panels():
        if not bilingual(panel["title"]):
            yield f"panel {panel['title']!r}: its title is to be in English and Chinese"
        if panel["id"] in numbers:
            yield f"panel {panel['title']!r}: another has its id {panel['id']}, and Grafana shows one of them"
        numbers.add(panel["id"])
    sources = {rule["record"]: references(rule["expr"]).metrics for rule in rules() if "record" in rule}
    shown: set[str] = set()
    for query in dashboard_queries():
        for name in references(query.expression).metrics:
            shown |= {name, *sources.get(name, ())}
    for name in sorted(hub_series()):
        if name not in shown and not name.endswith(("_sum", "_count", "_created")):
            yield f"dashboard: {name} is on no panel"


def promtool_problems() -> Iterator[str]:
    """Configuration and rules by promtool, and the rules' own unit tests."""
    for command in (
        ("check", "config", "--lint=all", str(PROMETHEUS / "prometheus.yml")),
        ("check", "config", "--lint=all", str(PROMETHEUS / "local.yml")),
        ("check", "rules", "--lint=all", str(RULES)),
        ("test", "rules", *map(str, sorted(PROMETHEUS.glob("*_test.yml")))),
    ):
        done = promtool(*command)
        if done.returncode:
            yield f"promtool {' '.join(command[:2])}: {(done.stdout + done.stderr).strip()}"


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool. Raises FatalError if it is missing."""
    return subprocess.run([str(find("promtool")), *arguments], capture_output=True, text=True, timeout=600, check=False)


def problems() -> Iterator[str]:
    """Everything that is wrong; nothing when all is well."""
    queries = [*rule_queries(), *dashboard_queries()]
    yield from name_problems(queries)
    yield from syntax_problems(queries)
    yield from rule_problems()
    yield from dashboard_problems()
    yield from promtool_problems()

"""The real Prometheus and Alertmanager, with the project's own rules and routes. At a quicker pace what is waited (`for`, groups,
scrapes) is divided, what an expression looks back is not."""

from __future__ import annotations

import copy
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import yaml

from hub.broker import process
from hub.broker.storage import free_port
from hub.declared.document import read_yaml
from hub.errors import FatalError
from hub.scrape import fetch
from hub.settings import ROOT
from loadtests.alarms.inbox import MAIL_HEADER, AlarmInbox
from ops.checks.tools import find

RULES = ROOT / "ops" / "prometheus" / "rules.yml"
ROUTES = ROOT / "ops" / "alertmanager"
SCRAPES = ROOT / "ops" / "prometheus" / "prometheus.yml"
_NAMED = "{{ range .Alerts }}{{ .Status }}:{{ .Labels.alertname }} {{ end }}"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_READY_SECONDS = 60.0
_STOP_SECONDS = 10.0
_WAITS = ("group_wait", "group_interval", "repeat_interval")


def seconds_of(duration: str) -> float:
    """Of Prometheus' writing, like 1h30m."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhd])", duration))


def quicker(duration: str, pace: float) -> str:
    """A duration divided; a second at least, as no scrape sees less."""
    return f"{max(1000, round(seconds_of(duration) * 1000 / pace))}ms"


def intervals_at(pace: float) -> dict[str, str]:
    """How often Prometheus scrapes and judges."""
    return {name: quicker(each, pace) for name, each in _lists(read_yaml(SCRAPES)["global"]).items()}


def rules_at(pace: float) -> dict[str, Any]:
    """The project's rules, each `for` divided by `pace`."""
    found: dict[str, Any] = copy.deepcopy(_lists(read_yaml(RULES)))
    for rule in (rule for group in found["groups"] for rule in group["rules"]):
        if "for" in rule:
            rule["for"] = quicker(rule["for"], pace)
    return found


def routes_at(pace: float, inbox: AlarmInbox, secrets: Path) -> dict[str, Any]:
    """The project's routes, with the inbox in the place of webhook and mail server, and waits divided. A ticket goes to the webhook
    too, so that it can be timed. Repeats stay as rare as they are."""
    found: dict[str, Any] = copy.deepcopy(_lists(read_yaml(ROUTES / "alertmanager.yml")))
    (secrets / "alarm_webhook").write_text(inbox.webhook_url, "utf-8")
    (secrets / "mail_password").write_text("none", "utf-8")
    found["global"] = {
        "smtp_smarthost": inbox.mail_host, "smtp_from": "cityhub@example.org", "smtp_require_tls": False,
    }  # fmt: skip
    found["templates"] = [str(ROUTES / "*.tmpl")]
    for route in (found["route"], *found["route"]["routes"]):
        route |= {name: quicker(route[name], pace) for name in _WAITS[:2] if name in route}
    (secrets / "alarm_heartbeat").write_text(inbox.webhook_url, "utf-8")
    for receiver in found["receivers"]:
        for mail in receiver.get("email_configs", ()):
            mail["headers"][MAIL_HEADER] = _NAMED
        hook = {"url_file": str(secrets / "alarm_webhook"), "send_resolved": True}
        receiver["webhook_configs"] = [hook]
    return found


def _lists(node: Any) -> Any:
    """As YAML can be written again: what was read cannot be changed."""
    if isinstance(node, Mapping):
        return {key: _lists(value) for key, value in node.items()}
    return [_lists(each) for each in node] if isinstance(node, list | tuple) else node


class Monitoring:
    """Both servers, from `__enter__` to `__exit__`. `targets`: by job, host:port of what serves /metrics."""

    def __init__(self, folder: Path, targets: Mapping[str, Sequence[str]], inbox: AlarmInbox, pace: float) -> None:
        self._folder, self._targets, self._inbox, self._pace = folder, targets, inbox, pace
        self._stack = ExitStack()
        self.prometheus = self.alertmanager = ""

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def firing(self) -> set[str]:
        """Names of the alerts that Prometheus raises now."""
        answer = httpx2.get(f"{self.prometheus}/api/v1/alerts", timeout=10, trust_env=False).json()
        return {each["labels"]["alertname"] for each in answer["data"]["alerts"] if each["state"] == "firing"}

    def inhibited(self) -> set[str]:
        """Names of those that Alertmanager holds back for another's sake."""
        answer = httpx2.get(f"{self.alertmanager}/api/v2/alerts", timeout=10, trust_env=False).json()
        return {each["labels"]["alertname"] for each in answer if each["status"]["inhibitedBy"]}

    def _begin(self) -> None:
        folder = self._folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        managers, listens = free_port(), free_port()
        _write(folder / "alertmanager.yml", routes_at(self._pace, self._inbox, folder))
        _write(folder / "rules.yml", rules_at(self._pace))
        _write(folder / "prometheus.yml", self._scrapes(folder, managers))
        self.alertmanager, self.prometheus = (f"http://127.0.0.1:{port}" for port in (managers, listens))
        self._serve("alertmanager", self.alertmanager, [
            f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{managers}", "--cluster.listen-address=", "--log.level=warn",
        ])  # fmt: skip
        self._serve("prometheus", self.prometheus, [
            f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{listens}", "--log.level=warn",
        ])  # fmt: skip

    def _scrapes(self, folder: Path, managers: int) -> dict[str, Any]:
        return {
            "global": intervals_at(self._pace),
            "rule_files": [str(folder / "rules.yml")],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{managers}"]}]}]},
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": list(targets)}]}
                for job, targets in self._targets.items()
            ],
        }

    def _serve(self, name: str, url: str, arguments: Sequence[str]) -> None:
        log = self._folder / f"{name}.log"
        program = find(name)
        within = [
            "/bin/sh",
            "-c",
            'cd "$0" && exec "$@"',
            str(program.parent),
        ]  # where its templates are, see ops.checks.tools
        served = process.spawn([*within, str(program), *arguments], log, {}, die_with_parent=True)
        self._stack.callback(process.end, served, _STOP_SECONDS)
        until = time.monotonic() + _READY_SECONDS
        while fetch(f"{url}/-/ready") is None:
            if served.poll() is not None or time.monotonic() > until:
                raise FatalError(f"{name} does not serve at {url}. The end of {log}:\n{process.tail(log, lines=15)}")
            time.sleep(0.1)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(dict(content), allow_unicode=True, sort_keys=False), "utf-8")

"""Alertmanager's configuration is sound, and each check of it can fail."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from hub.declared.document import read_yaml
from hub.settings import ROOT
from ops.checks import alarms


def _config() -> dict[str, Any]:
    return copy.deepcopy(read_yaml(alarms.CONFIG))


def test_nothing_is_wrong() -> None:
    assert list(alarms.problems()) == []


def test_what_amtool_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yml").write_text("route: {receiver: nobody}", "utf-8")
    monkeypatch.setattr(alarms, "CONFIG", tmp_path / "a.yml")
    (found,) = alarms.problems()
    assert "nobody" in found


def test_an_inhibition_of_what_no_rule_raises_or_of_itself_is_found() -> None:
    config = _config()
    config["inhibit_rules"] = [
        {"source_matchers": ['alertname="HubKafkaAway"'], "target_matchers": ['alertname=~"HubNone|HubKafkaAway"']}
    ]
    assert list(alarms.problems(config)) == [
        "alertmanager.yml: no rule raises HubNone", "alertmanager.yml: HubKafkaAway inhibits itself",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "key"), [("global", "smtp_auth_password"), ("webhook", "url"), ("global", "slack_api_url")]
)
def test_a_secret_in_the_open_is_found(where: str, key: str) -> None:
    config = _config()
    (config["global"] if where == "global" else config["receivers"][0]["webhook_configs"][0])[key] = "hunter2"
    (found,) = alarms.problems(config)
    assert key in found
    assert "hunter2" not in found


@pytest.mark.parametrize(("receiver", "kind"), [(0, "webhook_configs"), (1, "email_configs"), (2, "webhook_configs")])
def test_a_severity_that_reaches_nobody_is_found(receiver: int, kind: str) -> None:
    config = _config()
    del config["receivers"][receiver][kind]
    (found,) = alarms.problems(config)
    assert kind in found


def test_the_secrets_of_compose_are_the_files_that_it_names() -> None:
    text = alarms.CONFIG.read_text("utf-8")
    compose = read_yaml(ROOT / "docker-compose.yml")
    service = compose["services"]["alertmanager"]
    for name in service["secrets"]:
        assert f"/run/secrets/{name}\n" in text
        assert (ROOT / compose["secrets"][name]["file"].partition(":-")[2].rstrip("}")).is_file()


def test_messages_say_what_since_when_and_where_the_way_out_is() -> None:
    """In both languages; a department's name in the subject."""
    template = str(ROOT / "ops" / "alertmanager" / "cityhub.tmpl")
    data = ROOT / "tests" / "unit" / "ops" / "alarm.json"

    def shown(name: str) -> str:
        done = alarms.amtool(
            "template", "render", f"--template.glob={template}", f"--template.data={data}",
            f'--template.text={{{{ template "{name}" . }}}}',
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert shown("cityhub.subject").strip() == "[CityHub ticket 1] roads roads does not answer / roads 无反馈"
    text = shown("cityhub.text")
    for part in ("FIRING 告警", "2026-03-02 04:05 UTC", "orders stand unanswered", "ops/runbooks/department-silent.md"):
        assert part in text

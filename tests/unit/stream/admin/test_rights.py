"""Each role has what it needs, of its own, and nothing else; `cityhub acl` prints it without a Kafka."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hub import topics
from hub.cli.main import cli
from hub.errors import FatalError
from hub.settings import Settings
from hub.stream.admin.rights import LEDGER, OPERATOR, WEB, WORKER, Resource, Right, RightOperation, roles

SOURCES, DEPARTMENTS = ("hotline", "police"), ("roads", "water")
ROLES = roles(Settings(namespace="n."), SOURCES, DEPARTMENTS)


def names(role: str, operation: RightOperation, resource: Resource = Resource.TOPIC) -> set[str]:
    return {right.name for right in ROLES[role] if right.resource is resource and right.operation is operation}


@pytest.mark.parametrize("agent", topics.AGENT_CHANGELOGS)
def test_an_agent_may_read_what_it_reads_and_commit_in_its_name(agent: str) -> None:
    inputs = {f"n.{name}" for name in topics.agent_topics(SOURCES, DEPARTMENTS)[agent]}
    changelog = f"n.{topics.AGENT_CHANGELOGS[agent].name}"
    assert inputs | {changelog} <= names(f"agent.{agent}", RightOperation.READ)
    assert changelog in names(f"agent.{agent}", RightOperation.WRITE)
    others = {f"n.{topic.name}" for name, topic in topics.AGENT_CHANGELOGS.items() if name != agent}
    assert not others & names(f"agent.{agent}", RightOperation.READ)
    assert not others & names(f"agent.{agent}", RightOperation.WRITE)
    assert Right(Resource.TRANSACTION, f"n.{agent}.", RightOperation.WRITE, prefixed=True) in ROLES[f"agent.{agent}"]
    assert names(f"agent.{agent}", RightOperation.READ, Resource.GROUP) == {f"n.{agent}", f"n.{agent}.alive"}


def test_a_worker_has_the_rights_of_its_agents() -> None:
    assert ROLES[WORKER] == frozenset().union(*(ROLES[f"agent.{agent}"] for agent in topics.AGENT_CHANGELOGS))


def test_a_source_and_a_department_speak_for_themselves_alone() -> None:
    assert names("connector.police", RightOperation.WRITE) == {"n.city.police.events", "n.hub.dead"}
    assert names("connector.police", RightOperation.READ) == {"n.city.police.replies"}
    assert names("department.roads", RightOperation.WRITE) == {"n.dept.roads.updates"}
    assert names("department.roads", RightOperation.READ) == {"n.dept.roads.orders", "n.dept.roads.receipts"}
    assert names("department.roads", RightOperation.READ, Resource.GROUP) == {"n.roads-"}
    assert names("webhook.roads", RightOperation.WRITE) == {"n.dept.roads.updates", "n.hub.dead"}
    assert names("webhook.roads", RightOperation.READ, Resource.GROUP) == {"n.roads-webhook", "n.sink-roads"}


def test_the_web_passes_on_what_comes_by_http_and_sees_no_dead_letters() -> None:
    assert names(WEB, RightOperation.WRITE) == {"n.dept.roads.updates", "n.dept.water.updates"}
    with_own = roles(Settings(), [*SOURCES, topics.OWN_SOURCE], DEPARTMENTS)[WEB]
    assert {f"city.{topics.OWN_SOURCE}.events"} == {
        right.name for right in with_own if right.operation is RightOperation.WRITE and right.name.startswith("city.")
    }
    assert "n.hub.dead" not in names(WEB, RightOperation.READ)
    assert not {name for name in names(WEB, RightOperation.READ) if name.endswith((".events", ".updates", ".changelog"))} - {
        "n.hub.events", "n.hub.updates",
    }  # fmt: skip


def test_the_ledger_reads_what_it_writes_down_and_says_nothing() -> None:
    assert not names(LEDGER, RightOperation.WRITE)
    own = {"n.hub.cases", "n.hub.deadlines", "n.hub.dead", "n.hub.erasures"}
    told = {f"n.dept.{each}.{what}" for each in DEPARTMENTS for what in ("orders", "receipts")}
    assert names(LEDGER, RightOperation.READ) == own | told | {f"n.city.{each}.replies" for each in SOURCES}


def test_only_an_operator_makes_and_changes_topics() -> None:
    care = {RightOperation.CREATE, RightOperation.ALTER, RightOperation.ALTER_CONFIGS, RightOperation.DELETE}
    for role, rights in ROLES.items():
        assert (role == OPERATOR) == any(right.operation in care for right in rights)


def test_topics_are_named_one_by_one() -> None:
    declared = {f"n.{topic.name}" for topic in topics.all_topics(SOURCES, DEPARTMENTS)}
    for rights in ROLES.values():
        of_topics = [right for right in rights if right.resource is Resource.TOPIC and right.name != "n.doctor-"]
        assert {right.name for right in of_topics} <= declared
        assert not [right for right in of_topics if right.prefixed]


word = st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z")


@given(st.lists(word, unique=True, max_size=4), st.lists(word, unique=True, max_size=4), word, word)
def test_a_namespace_and_a_name_are_nobody_elses(
    sources: list[str], departments: list[str], one: str, other: str
) -> None:
    """Prefixes of groups and transactions too: what begins with one hub's names is not another's."""
    first = roles(Settings(namespace=f"{one}."), sources, departments)
    assert all(right.name.startswith(f"{one}.") for rights in first.values() for right in rights)
    if one != other:
        second = roles(Settings(namespace=f"{other}."), sources, departments)
        assert not frozenset().union(*first.values()) & frozenset().union(*second.values())
    for department in departments:
        groups = [
            r.name for r in first[f"department.{department}"] if r[0] is Resource.GROUP and r[2] is RightOperation.READ
        ]
        for neighbour in departments:
            assert neighbour == department or not any(f"{one}.{neighbour}-office".startswith(name) for name in groups)


def test_the_command_prints_it_for_people_and_machines() -> None:
    told = CliRunner().invoke(cli, ["acl", "--role", "connector.police", "--user", "connector.police=pol"])
    assert told.exit_code == 0
    assert "city.police.events" in told.output
    assert "pol" in told.output
    (only,) = json.loads(CliRunner().invoke(cli, ["acl", "--role", "connector.police", "--json"]).stdout)
    assert (only["role"], only["user"]) == ("connector.police", "connector.police")
    assert {"resource": "topic", "name": "hub.dead", "operation": "write", "prefixed": False} in only["rights"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--role", "connector.nobody"], "there is no role 'connector.nobody'; there are worker, "),
        (["--user", "web"], "--user web: say ROLE=USER"),
        (["--user", "nobody=x"], "--user nobody=x: say ROLE=USER"),
        (["--user", "web=../x"], "--user web=../x: "),
    ],
)
def test_a_role_that_is_none_is_told(options: list[str], said: str) -> None:
    result = CliRunner().invoke(cli, ["acl", *options])
    assert isinstance(result.exception, FatalError)
    assert said in str(result.exception)

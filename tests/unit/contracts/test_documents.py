"""AsyncAPI documents: sound by the published schema, complete, and nothing that was released is taken away unseen."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hub.cli.main import cli
from hub.contracts.asyncapi import CityTerms, KafkaServer, department_document, whole_document
from hub.contracts.changes import additions, removals
from hub.contracts.page import page
from hub.errors import FatalError
from hub.millis import DAY_MS
from hub.model.personal import Personal
from hub.settings import ROOT
from hub.stream.avro.registry import FileRegistry
from hub.topics import all_topics
from ops.checks.contracts import PUBLISHED, RELEASED, dangling, documents, faults, problems, taken_away, unnamed

SCHEMAS = FileRegistry().all()
Change = Callable[[dict[str, Any]], Any]


def order(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["messages"]["Order"]["payload"]["schema"]
    return found


def test_nothing_is_wrong() -> None:
    assert list(problems()) == []


def test_with_a_registry_and_a_guarded_kafka_it_is_a_document_too() -> None:
    server = KafkaServer("broker.example:9093", True, "https://registry.example", "city1.")
    document = department_document("Roads", "roads", SCHEMAS, server)
    assert [*faults(document), *dangling(document)] == []
    assert {channel["address"] for channel in document["channels"].values()} == {
        "city1.dept.roads.orders", "city1.dept.roads.updates", "city1.dept.roads.receipts",
    }  # fmt: skip
    assert document["components"]["messages"]["Order"]["bindings"]["kafka"]["schemaIdLocation"] == "payload"


def test_all_topics_with_a_schema_are_in_the_whole_and_a_department_has_its_own_side() -> None:
    whole = whole_document("All", SCHEMAS, KafkaServer(), {"source": ["hotline"], "department": ["roads"]})
    filled = {
        channel["address"].replace("{source}", "hotline").replace("{department}", "roads")
        for channel in whole["channels"].values()
    }
    assert filled == {topic.name for topic in all_topics(["hotline"], ["roads"]) if topic.subject}
    department = department_document("Roads", "roads", SCHEMAS, KafkaServer())
    assert {name: each["action"] for name, each in department["operations"].items()} == {
        "receive.orders": "receive", "receive.receipts": "receive", "send.updates": "send",
    }  # fmt: skip
    assert whole["operations"]["send.orders"]["action"] == "send"


def test_what_a_city_adds_is_in_it() -> None:
    """How long it keeps topics, and what a purpose withholds."""
    terms = CityTerms({"dept.*.orders": 7}, frozenset({Personal.WORDS}))
    document = department_document("Roads", "roads", SCHEMAS, KafkaServer(), terms)
    assert document["channels"]["orders"]["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] == 7 * DAY_MS
    assert "按用途不提供: words" in document["info"]["description"]
    assert document["components"]["messages"]["Order"]["x-personal"]["event.text"] == "words"
    assert ">words</td>" in page(document)


def test_the_schema_is_the_published_one() -> None:
    readme = (PUBLISHED.parent / "README.md").read_text("utf-8")
    assert hashlib.sha256(PUBLISHED.read_bytes()).hexdigest() in readme
    assert "Apache License" in (PUBLISHED.parent / "LICENSE").read_text("utf-8")


def _drop_field(document: dict[str, Any]) -> None:
    order(document)["fields"] = [each for each in order(document)["fields"] if each["name"] != "queue"]


def _drop_symbol(document: dict[str, Any]) -> None:
    next(each for each in order(document)["fields"] if each["name"] == "kind")["type"]["symbols"].remove("REMIND")


def _other_type(document: dict[str, Any]) -> None:
    next(each for each in order(document)["fields"] if each["name"] == "rule")["type"] = ["null", "string"]


TAKEN_AWAY: dict[str, tuple[Change, str]] = {
    "a topic": (lambda each: each["channels"].pop("orders"), "channels/orders"),
    "an operation": (lambda each: each["operations"].pop("send.orders"), r"operations/send\.orders"),
    "another address": (lambda each: each["channels"]["orders"].update(address="x"), "channels/orders/address was"),
    "a field": (_drop_field, "fields/queue"),
    "a symbol": (_drop_symbol, "symbols/REMIND"),
    "a type": (_other_type, "fields/rule/type was"),
    "a schema's id": (
        lambda each: each["components"]["messages"]["Order"]["x-schema-ids"].pop("v1"),
        "x-schema-ids/v1",
    ),
}


@pytest.mark.parametrize("case", TAKEN_AWAY)
def test_what_is_taken_away_fails_the_check(case: str) -> None:
    change, said = TAKEN_AWAY[case]
    document = documents()["hub"]
    change(changed := copy.deepcopy(document))
    (found, *_) = taken_away({"hub": changed})
    assert re.search(said, found)


def test_what_is_added_or_only_said_otherwise_passes() -> None:
    document = documents()["hub"]
    changed = copy.deepcopy(document)
    order(changed)["fields"].append({"name": "more", "type": "string", "default": ""})
    order(changed)["doc"] = "Otherwise."
    changed["channels"]["orders"]["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] = 1
    changed["channels"]["fresh"] = changed["channels"]["orders"]
    assert removals(document, changed) == []
    fresh = ["channels/fresh", "components/messages/Order/payload/schema/fields/more"]
    assert sorted(additions(document, changed)) == fresh


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda each: each["operations"]["send.orders"].update(action="publish"), "publish"),
        (lambda each: each["channels"].pop("orders"), "#/channels/orders leads nowhere"),
        (lambda each: each["components"]["messages"].pop("Order"), "#/components/messages/Order leads nowhere"),
    ],
)
def test_what_is_no_document_fails_the_check(change: Change, said: str) -> None:
    change(document := documents()["hub"])
    assert any(said in each for each in chain(dangling(document), faults(document)))


def test_what_no_release_has_is_said(tmp_path: Path) -> None:
    assert sum("no release has one" in each for each in taken_away(documents(), tmp_path)) == len(documents())


def test_the_page_says_it_all_in_both_languages() -> None:
    document = whole_document("A <city> 城市", SCHEMAS, KafkaServer(), {})
    text = page(document)
    assert "<city>" not in text
    assert ">None</td>" not in text
    assert "script" not in text
    named = re.findall(r"<code>(?:\w+\.)*(\w+)</code></td><td [^>]+><span lang='zh'>[^<]+</span></td>", text)
    assert {"order_id", "due_at", "lat"} <= set(named)
    order = text.partition("<h2 id='Order'>Order 指令</h2>")[2].partition("<h2")[0]
    rows = re.findall(r"<code>((?:event\.|deadlines\.)?\w+)</code></td>.*?data-head='meaning 含义'>(.*?)</td>", order)
    assert len(rows) > 10
    assert not [name for name, means in rows if not re.fullmatch(r"[^<]+<span lang='zh'>[^<]+</span>", means)]


def test_what_has_no_words_is_said() -> None:
    document = documents()["hub"]
    order(document)["fields"].append({"name": "fresh", "type": "string", "default": ""})
    document["channels"]["hub.fresh"] = document["channels"]["orders"]
    document["components"]["messages"]["Fresh"] = document["components"]["messages"]["Order"]
    order(document)["fields"] = [each for each in order(document)["fields"] if each["name"] != "queue"]
    said = "\n".join(unnamed(document))
    for lack in (
        "nothing of hub.fresh",
        "'fresh' has no",
        "no Chinese name for Fresh",
        "Order.fresh means",
        "Order.queue is no",
    ):
        assert lack in said


def test_by_hand(tmp_path: Path) -> None:
    def typed(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["contract", *arguments])

    city = str(ROOT / "ops" / "cities" / "demo")
    assert typed("write", str(tmp_path), "--city", city).exit_code == 0
    roads = json.loads((tmp_path / "roads.asyncapi.json").read_text("utf-8"))
    assert json.loads(typed("show", "roads", "--city", city).stdout) == roads
    assert typed("show", "--page", "--city", city).stdout.strip() == (tmp_path / "hub.html").read_text("utf-8")
    assert (
        "roads"
        in json.loads((tmp_path / "hub.asyncapi.json").read_text("utf-8"))["channels"]["orders"]["parameters"][
            "department"
        ]["enum"]
    )
    assert typed("show", "nobody", "--city", city).exit_code == 1
    del roads["channels"]["orders"]
    (tmp_path / "less.json").write_text(json.dumps(roads), "utf-8")
    less = typed("changes", str(tmp_path / "roads.asyncapi.json"), str(tmp_path / "less.json"))
    assert (less.exit_code, less.stdout) == (1, "- channels/orders\n")
    assert typed("changes", str(tmp_path / "less.json"), str(tmp_path / "roads.asyncapi.json")).exit_code == 0
    assert typed("changes", str(RELEASED / "hub.json"), str(RELEASED / "hub.json")).stdout == ""


def test_what_is_no_document_is_named(tmp_path: Path) -> None:
    deep, pipe = tmp_path / "deep.json", tmp_path / "pipe"
    deep.write_text("[" * 100_000, "utf-8")
    os.mkfifo(pipe)
    for command in (
        ["contract", "changes", str(deep), str(deep)],
        ["schema", "impact", str(deep)],
        ["schema", "impact", str(pipe)],
    ):
        said = CliRunner().invoke(cli, command)
        assert isinstance(said.exception, FatalError)
        assert f"{command[2]} is no" in str(said.exception)

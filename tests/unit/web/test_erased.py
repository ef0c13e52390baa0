"""What was erased is in the read model no longer, whatever order the topics are read in."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from hub.core.withholding import erased_event, erased_events
from hub.model.event import CaseEvent
from hub.model.outputs import Erasure
from hub.settings import ROOT
from hub.stream.kafka.record import KafkaRecord
from hub.topics import CASES, ERASURES, OWN_SOURCE
from hub.web.read.sqlite import SqliteModel
from tests.mutations import CODEC
from tests.unit.web.front import put_all

ORDERS, REPLIES, EVENTS = "dept.roads.orders", f"city.{OWN_SOURCE}.replies", f"city.{OWN_SOURCE}.events"
EXAMPLES = json.loads((ROOT / "schemas" / "CaseEvent" / "v2.examples.json").read_text("utf-8"))
EVENT = {**EXAMPLES[0], "source": OWN_SOURCE, "source_ref": 'R"1', "text": "SECRET", "title": "SECRET"}
EVENT["place"] = {**EVENT["place"], "address": "SECRET"}

CHANGES = sorted(
    (ROOT / "schemas" / "CaseChange").glob("v*.examples.json"), key=lambda path: int(path.name[1:].partition(".")[0])
)
CHANGE = {
    **json.loads(CHANGES[-1].read_text("utf-8"))[0], "case_id": "C", "source": OWN_SOURCE, "source_ref": 'R"1',
    "lead_source": OWN_SOURCE, "lead_ref": 'R"1',
}  # fmt: skip


def order(event: dict[str, object]) -> bytes:
    record = {
        "order_id": "O", "kind": "ASSIGN", "case_id": "C", "department": "roads", "issued_at": 1, "area": None, "rule": "r",
        "reason": None, "queue": None, "lead": None, "priority": None, "deadlines": [], "event": event,
    }  # fmt: skip
    return CODEC.encode_one("cityhub.Order", record)


def reply(ref: str) -> bytes:
    record = {
        "reply_id": f"R-{ref}", "source": OWN_SOURCE, "source_ref": ref, "case_id": "C", "department": "roads",
        "status": "RESOLVED", "at": 1, "text": f"SECRET of {ref}",
    }  # fmt: skip
    return CODEC.encode_one("cityhub.Reply", record)


ERASE = CODEC.encode_one(
    Erasure.subject(), Erasure(source=OWN_SOURCE, source_ref='R"1', at=946_684_800_000, by="b", reason="r").to_avro()
)
RECORDS = [
    KafkaRecord(EVENTS, 0, 0, 100, CODEC.encode_one("cityhub.CaseEvent", EVENT)),
    KafkaRecord(ORDERS, 0, 0, 110, order(EVENT)),
    KafkaRecord(REPLIES, 0, 0, 120, reply('R"1')),
    KafkaRecord(ERASURES.name, 0, 0, 130, ERASE),
]
OTHERS = [
    KafkaRecord(ORDERS, 0, 1, 110, order({**EVENT, "source_ref": "R2", "text": 'R"1 is another'})),
    KafkaRecord(ORDERS, 0, 2, 140, order({**EVENT, "text": "LATER"})),
    KafkaRecord(REPLIES, 0, 1, 120, reply("R2")),
]


@pytest.mark.parametrize("sequence", list(permutations(range(4))))
def test_in_whatever_order_it_is_read(tmp_path: Path, sequence: tuple[int, ...]) -> None:
    model = SqliteModel(tmp_path / "model.sqlite")
    try:
        for index in sequence:
            put_all(model, [RECORDS[index]])
        put_all(model, [KafkaRecord(CASES.name, 0, 0, 105, CODEC.encode_one("cityhub.CaseChange", CHANGE))])
        with model.database.transaction() as sql:
            tables = sql.exec_driver_sql("select name from sqlite_master where type = 'table'").scalars().all()
            whole = "".join(repr(sql.exec_driver_sql(f"select * from {name}").fetchall()) for name in tables)
        assert {"orders", "cases", "told"} <= set(tables)
        assert "SECRET" not in whole, "neither beside the ledger nor in it"
        put_all(model, OTHERS)
        with model.database.transaction() as sql:
            told = [json.loads(body) for (body,) in sql.exec_driver_sql("select body from told order by off")]
            (statement,) = (json.loads(body) for (body,) in sql.exec_driver_sql("select body from statements"))
            answers = dict(sql.exec_driver_sql("select ref, text from answers").fetchall())
    finally:
        model.close()
    assert statement == erased_event(EVENT)
    assert [each["event"]["text"] for each in told] == ["", 'R"1 is another', "LATER"]
    assert told[0]["event"] == erased_event(EVENT)
    assert answers == {'R"1': "", "R2": "SECRET of R2"}


def test_a_dictionary_and_a_column_lose_the_same() -> None:
    bodies = [CODEC.encode_one(CaseEvent.subject(), each)[5:] for each in EXAMPLES]
    bare = CODEC.bodies_changed(CaseEvent.subject(), bodies, erased_events)
    assert [CODEC.decode_body(CaseEvent.subject(), body) for body in bare] == [erased_event(each) for each in EXAMPLES]

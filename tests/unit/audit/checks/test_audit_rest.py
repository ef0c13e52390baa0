"""State is compared of a hub at rest only, and what keeps it from that is named."""

from __future__ import annotations

from hub.audit.checks.rest import unrest
from hub.audit.tables import Tables
from hub.inspect.reading import OffsetSpan
from tests.unit.audit.made_up import MadeUpRun


def a_run() -> MadeUpRun:
    run = MadeUpRun()
    run.links(run.opens("police", "P1"), ("police", "P1"), "hotline", "H1")
    return run


def ends(tables: Tables, **more: int) -> dict[tuple[str, int], OffsetSpan]:
    return {place: OffsetSpan(0, end + more.get(place[0].rpartition(".")[2], 0)) for place, end in tables.cut.items()}


def tables_of(run: MadeUpRun) -> Tables:
    run.cut = {(topic, 0): 100 for topic in ("hub.events", "hub.cases", "city.police.events")}
    return run.tables()


def test_a_hub_that_has_read_everything_is_at_rest() -> None:
    tables = tables_of(a_run())
    assert unrest(tables, ends(tables)) is None


def test_what_is_not_read_yet_is_named_with_who_has_to() -> None:
    run = a_run()
    run.reached = {"track": {("hub.cases", 0): 0}}
    tables = tables_of(run)
    found = unrest(tables, ends(tables))
    assert found is not None
    assert found.why == (f"track has {len(tables.cases)} records to read yet",)
    assert not found.good


def test_what_is_written_meanwhile_is_named() -> None:
    tables = tables_of(a_run())
    found = unrest(tables, ends(tables, cases=2))
    assert found is not None
    assert found.as_dict() == {"good": None, "not_compared": ["hub.cases went on while it was read"]}

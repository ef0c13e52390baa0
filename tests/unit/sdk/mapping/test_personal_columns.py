"""A mapping says of each column that may be personal what of a person stands there, or that it stays at the source."""

from hub.sdk.manifest import discover
from hub.sdk.mapping.mapping import Mapping, load_mapping
from hub.sdk.mapping.personal import BY_REFERENCE, personal_columns

EVENT = {
    "source_ref": {"digest": ["time", "said"]},
    "reported_at": {"column": "time", "formats": ["iso"]},
    "category": "kind",
    "channel": {"constant": "phone"},
}


def mapping(**more: object) -> Mapping:
    return Mapping.model_validate({"description": "d", "format": "jsonl", "event": EVENT} | more)


def test_a_column_has_every_kind_of_what_is_read_from_it() -> None:
    event = EVENT | {
        "title": "said", "text": {"concat": ["said", "more"]}, "place": {"address": "home"}, "attributes": {"room": "home"},
        "attachments": {"column": "photos"},
    }  # fmt: skip
    assert personal_columns(mapping(event=event, personal=["caller", "reporter.phone"])) == {
        "time": "reference",
        "said": "reference, words",
        "more": "words",
        "home": "attributes, place",
        "photos": "files",
        "caller": BY_REFERENCE,
        "reporter.phone": BY_REFERENCE,
    }


def test_further_statements_count_too() -> None:
    also = [{"each": "notes", "split": ";", "event": {"text": "notes"}}]
    assert personal_columns(mapping(also=also))["notes"] == "words"


def test_of_updates_it_is_what_departments_say() -> None:
    update = {
        "update_id": "id", "case_id": "case", "status": "state", "at": {"column": "when", "formats": ["iso"]}, "note": "said",
        "reason": "why", "report": "whose", "clock": "which",
    }  # fmt: skip
    found = personal_columns(Mapping.model_validate({"description": "d", "format": "jsonl", "update": update}))
    assert found == {"id": "reference", "said": "words", "why": "words", "whose": "reference"}


def test_every_mapping_that_ships_says_so_of_its_reference() -> None:
    for manifest in discover().values():
        for name in manifest.mappings:
            declared = load_mapping(manifest.mapping_path(name))
            found = personal_columns(declared)
            assert all("reference" in found[column] for column in declared.event.source_ref.columns())
            assert not set(declared.personal) - {column for column, kinds in found.items() if kinds == BY_REFERENCE}

"""A dead letter fits its topic, whatever it is about, and keeps all that fits."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.inspect.letters import Letter
from hub.stream.letters.dead_letters import MAX_KEY_BYTES, fitted
from hub.topics import DEAD
from tests.mutations import CODEC

ORIGIN = {"topic": "city.police.events", "partition": 3, "offset": 2**62, "ingested_at": 0}
SIZES = st.sampled_from(
    [0, 1, 1000, 16_383, 16_384, 16_385, 1 << 20, DEAD.max_bytes - 40_000, DEAD.max_bytes, 13 << 20]
)


def letter(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "stage": "deduplicate", "reason": "too_large", "detail": "why", "at": 0, "origin": ORIGIN, "file": None, "line": None,
        "key": b"k", "value": b"v",
    }  # fmt: skip
    return given | changes


@given(st.none() | SIZES, st.none() | SIZES, st.integers(0, 20_000))
def test_it_fits_and_keeps_what_fits(key: int | None, value: int | None, detail: int) -> None:
    given = letter(
        key=None if key is None else bytes(key), value=None if value is None else b"x" * value, detail="案" * detail
    )
    found = fitted(given)
    size = len(CODEC.encode_one("cityhub.DeadLetter", found)) + len(found["key"] or b"")
    assert size <= DEAD.max_bytes
    for name in ("key", "value"):
        assert (found[name] is None) == (given[name] is None)
        assert (given[name] or b"").startswith(found[name] or b"")
    cut = (found["key"], found["value"]) != (given["key"], given["value"])
    assert found.get("truncated", False) == cut
    if not cut:
        assert "sha256" not in found
        return
    if value is not None:
        assert (found["size_bytes"], found["sha256"]) == (value, hashlib.sha256(given["value"]).hexdigest())
    assert (key or 0) > MAX_KEY_BYTES or size > DEAD.max_bytes - 64 * 1024, "it was cut because it had to be"


def test_what_was_cut_is_not_sent_again() -> None:
    whole, cut = (Letter("0:0", fitted(letter(value=bytes(size)))) for size in (1 << 20, 13 << 20))
    assert whole.topic == "city.police.events"
    assert cut.topic is None
    assert "cannot be sent again" in cut.way_out
    assert cut.place in cut.way_out


def test_nothing_is_sent_to_the_hubs_own_topics_because_a_letter_says_so() -> None:
    for topic in (
        "hub.cases",
        "hub.deduplicate.changelog",
        "dept.roads.orders",
        "city.police.replies",
        "city..events",
        "x",
    ):
        assert Letter("0:0", letter(origin=ORIGIN | {"topic": topic})).topic is None
    assert Letter("0:0", letter(origin=ORIGIN | {"topic": "dept.roads.updates"})).topic == "dept.roads.updates"


def test_what_an_agent_made_and_could_not_send_says_so() -> None:
    made = Letter("0:0", letter(stage="track", origin=None, reason="no_receiver"))
    assert made.topic is None
    assert made.place == "made by track"
    assert "could not be sent" in made.way_out

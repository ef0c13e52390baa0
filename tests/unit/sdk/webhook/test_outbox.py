"""Laws of a receiver's deliveries: order by case, nothing lost, nothing committed before it is done."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.sinks.webhook.outbox import LONGEST_WAIT_SECONDS, Delivery, Later, Outbox, Place

ORDERS, RECEIPTS = Place("dept.a.orders", 0), Place("dept.a.receipts", 0)


def delivery(offset: int, case: str = "C-1", place: Place = ORDERS) -> Delivery:
    return Delivery(place, offset, case, f"{place.topic}-{offset}", b"{}", 0.0)


def outbox(*deliveries: Delivery, budget_seconds: float = 100.0) -> Outbox:
    box = Outbox(budget_seconds, share=lambda: 1.0)
    for each in deliveries:
        box.add(each)
    return box


answers = st.sampled_from(["taken", "taken", "later", "busy", "set aside"])


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30),
    st.lists(answers, max_size=60),
    st.integers(1, 4),
)
def test_each_case_is_delivered_in_order_and_all_of_it(
    said: list[tuple[str, bool]], answer: list[str], limit: int
) -> None:
    box, now = outbox(), 0.0
    offsets = dict.fromkeys((ORDERS, RECEIPTS), 0)
    wanted: dict[str, list[str]] = defaultdict(list)
    for case, is_order in said:
        place = ORDERS if is_order else RECEIPTS
        one = delivery(offsets[place], case, place)
        offsets[place] += 1
        box.add(one)
        wanted[case].append(one.id)
    done: dict[str, list[str]] = defaultdict(list)
    finished: dict[Place, set[int]] = defaultdict(set)
    script = iter(answer)
    while len(box):
        due = box.take_due(now, limit)
        assert len(due) <= limit
        assert len({each.case for each in due}) == len(due)
        now += 0 if due else 4000.0
        for each in due:
            match next(script, "taken"):
                case "later":
                    box.again(each, Later("500"), now)
                case "busy":
                    box.again(each, Later("503", 30.0, everybody=True), now)
                case _:
                    box.delivered(each)
                    done[each.case].append(each.id)
                    finished[each.place].add(each.offset)
        for place, position in box.positions():
            assert set(range(position)) <= finished[place]
    assert done == wanted
    assert dict(box.positions()) == {place: end for place, end in offsets.items() if end}


def test_one_case_that_is_not_taken_holds_up_no_other() -> None:
    first, second, other = delivery(0, "a"), delivery(1, "a"), delivery(2, "b")
    box = outbox(first, second, other)
    assert box.take_due(0.0, 8) == [first, other]
    assert box.again(first, Later("500"), 0.0) == 1.0
    box.delivered(other)
    assert box.take_due(0.5, 8) == []
    assert dict(box.positions()) == {ORDERS: 0}
    assert box.take_due(1.0, 8) == [first]
    assert box.again(first, Later("500"), 1.0) == 2.0


def test_a_receiver_that_is_busy_is_left_alone_and_asked_by_one_call() -> None:
    first, other = delivery(0, "a"), delivery(1, "b")
    box = outbox(first, other)
    box.take_due(0.0, 8)
    assert box.again(first, Later("429", 60.0, everybody=True), 0.0) == 60.0
    box.again(other, Later("429", 60.0, everybody=True), 0.0)
    assert box.take_due(59.0, 8) == []
    assert box.take_due(60.0, 8) == [first]
    assert box.take_due(60.0, 8) == []
    box.delivered(first)
    assert box.take_due(60.0, 8) == [other]


def test_nobody_is_waited_for_longer_than_a_day() -> None:
    (one,) = outbox(delivery(0)).take_due(0.0, 1)
    box = outbox(one)
    assert box.again(one, Later("503", 1e9, everybody=True), 0.0) == LONGEST_WAIT_SECONDS


def test_what_is_left_out_is_done() -> None:
    box = outbox(delivery(0))
    box.skip(ORDERS, 1)
    assert dict(box.positions()) == {ORDERS: 0}
    box.delivered(box.take_due(0.0, 1)[0])
    assert dict(box.positions()) == {ORDERS: 2}

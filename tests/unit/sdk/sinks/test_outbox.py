"""Laws of a receiver's deliveries: order by case, nothing lost, nothing committed before it is done."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.sink_contract import DeliveryPlace, Later
from hub.sdk.sinks.outbox import LONGEST_WAIT_SECONDS, Marks, Outbox, Pending
from hub.testing.sinks import order

ORDERS, RECEIPTS = DeliveryPlace("dept.a.orders", 0), DeliveryPlace("dept.a.receipts", 0)


def pending(offset: int, case: str = "C-1", place: DeliveryPlace = ORDERS) -> Pending:
    return Pending(order(offset, case, place=place), 0.0)


def outbox(*deliveries: Pending, budget_seconds: float = 100.0) -> Outbox:
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
    box, marks, now = outbox(), Marks(), 0.0
    offsets = dict.fromkeys((ORDERS, RECEIPTS), 0)
    wanted: dict[str, list[str]] = defaultdict(list)
    for case, is_order in said:
        place = ORDERS if is_order else RECEIPTS
        one = pending(offsets[place], case, place)
        offsets[place] += 1
        box.add(one)
        marks.came(place, one.delivery.offset, to_do=True)
        wanted[case].append(str(one.delivery))
    done: dict[str, list[str]] = defaultdict(list)
    finished: dict[DeliveryPlace, set[int]] = defaultdict(set)
    script = iter(answer)
    while len(box):
        due = box.take_due(now, limit)
        assert len(due) <= limit
        assert len({each.delivery.case for each in due}) == len(due)
        now += 0 if due else 4000.0
        for each in due:
            match next(script, "taken"):
                case "later":
                    box.again(each, Later("500"), now)
                case "busy":
                    box.again(each, Later("503", 30.0, receiver=True), now)
                case _:
                    box.delivered(each)
                    marks.done(each.delivery.place, each.delivery.offset)
                    done[each.delivery.case].append(str(each.delivery))
                    finished[each.delivery.place].add(each.delivery.offset)
        for place, position in marks.positions().items():
            assert set(range(position)) <= finished[place]
    assert done == wanted
    assert marks.positions() == {place: end for place, end in offsets.items() if end}


def test_one_case_that_is_not_taken_holds_up_no_other() -> None:
    first, second, other = pending(0, "a"), pending(1, "a"), pending(2, "b")
    box = outbox(first, second, other)
    assert box.take_due(0.0, 8) == [first, other]
    assert box.again(first, Later("500"), 0.0) == 1.0
    box.delivered(other)
    assert box.take_due(0.5, 8) == []
    assert box.take_due(1.0, 8) == [first]
    assert box.again(first, Later("500"), 1.0) == 2.0


def test_a_receiver_that_is_busy_is_left_alone_and_asked_by_one_call() -> None:
    first, other = pending(0, "a"), pending(1, "b")
    box = outbox(first, other)
    box.take_due(0.0, 8)
    assert box.again(first, Later("429", 60.0, receiver=True), 0.0) == 60.0
    box.again(other, Later("429", 60.0, receiver=True), 0.0)
    assert box.take_due(59.0, 8) == []
    assert box.take_due(60.0, 8) == [first]
    assert box.take_due(60.0, 8) == []
    box.delivered(first)
    assert box.take_due(60.0, 8) == [other]


def test_nobody_is_waited_for_longer_than_a_day() -> None:
    (one,) = outbox(pending(0)).take_due(0.0, 1)
    box = outbox(one)
    assert box.again(one, Later("503", 1e9, receiver=True), 0.0) == LONGEST_WAIT_SECONDS


def test_what_is_left_out_is_done() -> None:
    marks = Marks()
    marks.came(ORDERS, 0, to_do=True)
    marks.came(ORDERS, 1, to_do=False)
    assert marks.positions() == {ORDERS: 0}
    marks.done(ORDERS, 0)
    assert marks.positions() == {ORDERS: 2}

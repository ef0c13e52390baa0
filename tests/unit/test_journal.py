"""A journal: whatever was changed through it, or through a part of it, is undone or stays, and is told once."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from hub.journal import Journal

KEYS = st.sampled_from("abcd")
puts = st.lists(st.tuples(KEYS, st.one_of(st.none(), st.integers()), st.booleans()), max_size=20)


class Numbers:
    """A book, and a part of it that knows only a few keys."""

    def __init__(self, kept: dict[str, int]) -> None:
        self.kept = dict(kept)

    def __len__(self) -> int:
        return len(self.kept)

    def get(self, key: str) -> int | None:
        return self.kept.get(key)

    def items(self) -> Iterable[tuple[str, int]]:
        return self.kept.items()

    def put(self, key: str, value: int | None) -> int | None:
        before = self.kept.pop(key, None)
        if value is not None:
            self.kept[key] = value
        return before


@given(st.dictionaries(KEYS, st.integers()), puts, puts)
def test_what_is_undone_never_was(kept: dict[str, int], first: list, second: list) -> None:  # type: ignore[type-arg]
    book = Numbers(kept)
    journal = Journal(book)
    part = journal.of(Numbers({}))
    for key, value, whole in first:
        (journal if whole else part).put(key, value)
    assert {key for key, _ in journal.changes()} == {key for key, _, _ in first}
    assert all(book.get(key) == value for key, value in journal.changes())
    journal.commit()
    assert list(journal.changes()) == []
    stays = dict(book.kept)
    for key, value, whole in second:
        (journal if whole else part).put(key, value)
    journal.undo()
    assert book.kept == stays
    assert list(journal.changes()) == []

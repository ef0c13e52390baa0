"""Rejects that were counted before partitions went away do not pause a source when they are back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub.settings import Settings
from hub.stream.outlet import Outlet
from hub.stream.pauses.limits import SourceRows, TooManyRejectsError


def _bad(outlet: Outlet, session: SimpleNamespace, records: int) -> None:
    """A chunk of this session with so many rejects and nothing else, which commits."""
    outlet.transaction(cast(Any, SimpleNamespace(session=session, headers=None, topics=())))
    outlet.limit.check({"city.hotline.events": SourceRows(records, tuple(range(records)))})
    outlet.limit.keep(outlet.limit.take())


@pytest.mark.parametrize("stays", [True, False])
def test_a_run_of_rejects_ends_with_the_tenure_of_the_partitions(stays: bool) -> None:
    outlet = Outlet(Settings(dead_letter_run=500), "deduplicate", cast(Any, None), cast(Any, None))
    session = SimpleNamespace(hold=object(), tenure=object())
    _bad(outlet, session, 400)
    session.hold = object()  # a rebalance, or a commit that failed
    if stays:
        with pytest.raises(TooManyRejectsError, match="500 records in a row"):
            _bad(outlet, session, 100)
        return
    session.tenure = object()  # others have read of them meanwhile
    _bad(outlet, session, 499)
    with pytest.raises(TooManyRejectsError):
        _bad(outlet, session, 1)

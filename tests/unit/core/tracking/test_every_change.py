"""Whatever `route` says of a case, `track` does something about it: there is no change that it does not know."""

from __future__ import annotations

import msgspec
import pytest

from hub.core.tracking.tracker import Tracking
from hub.model.outputs import ChangeKind
from tests.unit.core.tracking.lives.small_lives import HOUR, START, Hub, opened, small_city, tracking_of

LINKED = {"source": "police", "source_ref": "P1", "at_ms": START + 2 * HOUR}
TELLING = {
    ChangeKind.LINKED: LINKED,
    ChangeKind.AMENDED: {"urgency": "URGENT"},
    ChangeKind.SUPERSEDED: LINKED | {"at_ms": START + HOUR},
    ChangeKind.REROUTED: {"department": "water", "at_ms": START + HOUR},
    ChangeKind.WITHDRAWN: {"ends": True},
    ChangeKind.CLOSED: {"ends": True},
}
"""Of each kind a change that says something new; to open a case again says nothing."""


@pytest.fixture(scope="module")
def tracking() -> Tracking:
    return tracking_of(small_city())


@pytest.mark.parametrize("kind", ChangeKind)
def test_it_is_known(tracking: Tracking, kind: ChangeKind) -> None:
    hub = Hub(tracking).change(msgspec.structs.replace(opened(), change=ChangeKind.LINKED, **LINKED))
    before = hub.case
    hub.change(msgspec.structs.replace(opened(), change=kind, **TELLING.get(kind, {})))
    assert (hub.case == before) is (kind is ChangeKind.OPENED)


def test_what_is_no_change_is_refused() -> None:
    with pytest.raises(ValueError, match="MERGED"):
        ChangeKind("MERGED")

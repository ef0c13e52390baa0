"""Stretches of time leave nothing out, however the server answers."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.sdk.sources.open311.config import Open311Config
from hub.sdk.sources.open311.memory import NameMemory
from hub.sdk.sources.open311.sweeps import SweepKind, SweepPosition, Sweeps

NOW_MS = 1_770_000_000_000
_HOUR_MS = 3_600_000


@settings(deadline=None)
@given(
    st.data(), st.floats(0.01, 90), st.floats(0.01, 200), st.lists(st.integers(0, 200 * 24 * _HOUR_MS), max_size=3),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_windows_cover_all_since_the_sweep_before(
    data: st.DataObject, window: float, back: float, pauses: list[int], updates: bool, changed: bool
) -> None:
    config = Open311Config(
        base_url="https://example.org", window_days=max(window, back / 50), look_back_days=back, updates=updates,
        changed_params=("a", "b") if changed else None,
    ) if max(window, back / 50) <= 90 else Open311Config(base_url="https://example.org")  # fmt: skip
    sweeps, place, now = Sweeps(config), SweepPosition(), NOW_MS
    covered: dict[SweepKind, int] = {}
    for pause in [0, *pauses]:
        now += pause
        for _ in range(3):
            place = sweeps.begun(place, now)
            assert place.sweep is not None
            kind, at = place.sweep.kind, place.sweep.at
            assert at <= covered.get(kind, at), "something between two sweeps was left out"
            until, halvings = at, data.draw(st.integers(0, 5))
            while place.sweep is not None:
                sweep = place.sweep
                assert sweep.at <= until <= sweep.until or sweep.at == at
                assert sweep.until - sweep.at <= round(config.window_days * 24 * _HOUR_MS) + 1000
                if halvings and (half := sweeps.halved(place, now)) is not None:
                    halvings -= 1
                    assert half.sweep is not None
                    assert half.sweep.at == sweep.at
                    place = half
                    continue
                until = sweep.until
                place = sweeps.next_window(place, now)
                assert (
                    SweepPosition.model_validate(
                        json.loads(json.dumps(place.model_dump(mode="json", exclude_defaults=True)))
                    )
                    == place
                )
            assert until == now
            covered[kind] = now
            if kind is SweepKind.FULL:
                covered[SweepKind.RECENT] = now


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([b"1", b"2"])), max_size=40), st.integers(2, 6))
def test_what_was_forgotten_is_new_and_what_is_known_is_not(notes: list[tuple[str, bytes]], most: int) -> None:
    memory, last = NameMemory(most), dict[str, bytes]()
    for name, digest in notes:
        knew = memory.knows(name)
        assert memory.note(name, digest) == (not knew or last[name] != digest)
        assert memory.knows(name)
        last[name] = digest
    assert sum(memory.knows(name) for name in last) >= min(len(last), most)


def test_memory_is_whole_as_long_as_nothing_of_a_sweep_was_dropped() -> None:
    memory = NameMemory(2)
    assert not memory.is_whole
    memory.note("a", b"")
    memory.note("b", b"")
    memory.sweep_ended()
    assert memory.is_whole
    memory.note("c", b"")
    assert memory.is_whole
    memory.note("d", b"")
    memory.note("e", b"")
    assert not memory.is_whole

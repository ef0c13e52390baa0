"""Each rule of the kit catches the fault that is planted for it, and every kind of source is on a bench of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest

from hub.sdk.kinds import kinds
from hub.testing import conformance
from hub.testing.conformance import Bench, SourceConformance
from tests.contract.planted import FAULTS, SECRET, Lines, Sound, SoundQueue

RULES = [name for name in vars(SourceConformance) if name.startswith("test_")]


def planted(fault: Callable[[Lines], Sound]) -> Bench:
    lines = Lines()
    numbers = itertools.count()

    def add(count: int) -> None:
        lines.extend(f"line {next(numbers)}" for _ in range(count))

    def strange(name: str) -> None:
        add(1)
        lines.strange[lines[-1]] = name

    def garble() -> None:
        add(1)
        lines.garbled.add(lines[-1])

    def made(**more: Any) -> Sound:
        source = fault(lines)
        for name, value in more.items():
            setattr(source, name, value)
        return source

    return Bench(
        made, add, secrets=(SECRET,), strange=strange, garble=garble, live=lambda: made(ends=False),
        away=lambda away: setattr(lines, "away", away), busy=lambda text: setattr(lines, "busy", text),
        slow=lambda: (made(budget=2), lambda: lines.calls),
    )  # fmt: skip


@pytest.mark.parametrize("sound", [Sound, SoundQueue])
@pytest.mark.parametrize("rule", RULES)
def test_a_sound_source_keeps_each_rule(rule: str, sound: type[Sound]) -> None:
    getattr(SourceConformance(), rule)(planted(sound))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.__name__)
def test_a_planted_fault_is_caught(fault: type[Sound], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "_BACK_SECONDS", 1.0)
    with pytest.raises((AssertionError, RuntimeError)):
        getattr(SourceConformance(), FAULTS[fault])(planted(fault))


def test_what_a_system_cannot_do_is_said_in_words_or_the_rule_is_broken() -> None:
    lines = Lines()
    silent = Bench(lambda: Sound(lines), lambda count: lines.extend(map(str, range(count))))
    for name in ("away", "busy", "slow", "strange", "garble"):
        with pytest.raises(AssertionError, match=f"`{name}`"):
            silent.has(name)
        with pytest.raises(SkipTest, match="it takes no calls"):
            replace(silent, cannot={name: "it takes no calls"}).has(name)


def test_every_rule_has_a_planted_fault() -> None:
    assert set(FAULTS.values()) == set(RULES)


def test_every_kind_is_on_a_bench() -> None:
    benches = {path.stem.removeprefix("test_") for path in (Path(__file__).parent / "sources").glob("test_*.py")}
    assert {kind for kind, where in kinds().items() if where.startswith("hub.")} == benches

"""A one-stop mediation centre, played: who gets what, and a rate of settlement that was counted from the register by hand."""

from __future__ import annotations

import pytest

from hub import topics
from hub.policy import City
from hub.testing.memory import MemoryHub
from tests.unit.flows.played import city_of, clocks, figures, holders, orders, played, refused, replies


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return city_of(tmp_path_factory.mktemp("city"), "mediation")


@pytest.fixture(scope="module")
def hub(city: City) -> MemoryHub:
    return played(city, "mediation", "2026-06-01T00:00")


@pytest.mark.parametrize(
    ("ref", "centre"),
    [
        ("MD1", "mediation_medical"), ("MD2", "mediation_property"), ("MD3", "mediation_labour"),
        ("MD4", "mediation_wages"), ("MD6", "mediation_traffic"),
    ],
)  # fmt: skip
def test_the_window_hands_each_dispute_to_its_trade_and_knows_of_it(hub: MemoryHub, ref: str, centre: str) -> None:
    assert holders(hub, "mediation", ref) == [centre]
    assert {who for who, kind in orders(hub, "mediation", ref) if kind == "ASSIGN"} == {centre, "mediation_centre"}


def test_what_no_trade_has_the_window_mediates_with_the_village(hub: MemoryHub) -> None:
    assert holders(hub, "mediation", "MD5") == ["mediation_centre"]
    assert {who for who, kind in orders(hub, "mediation", "MD5") if kind == "ASSIGN"} == {"mediation_centre", "village"}


def test_the_rate_of_settlement(hub: MemoryHub, city: City) -> None:
    """Three agreed (MD1, MD4, MD5), one failed (MD2), one led to court after it failed (MD3); MD6 was withdrawn: 3 of 5."""
    counts = figures(hub, city)
    assert (counts.settled, counts.disputes, counts.settlement_rate) == (3, 5, 0.6)
    assert figures(hub, city, "mediation_wages").settlement_rate == 1.0
    assert figures(hub, city, "mediation_labour").settlement_rate == 0.0
    assert figures(hub, city, "mediation_centre").disputes == 1
    assert [update for update, _ in refused(hub)] == [
        "mediation-8"
    ]  # the window does not say how the trade's matter came out


def test_both_sides_are_told_and_no_clock_is_invented(hub: MemoryHub) -> None:
    assert replies(hub, "mediation", "MD1") == ["MEDIATION_BEGUN", "RESOLVED"]
    (told,) = [each for each in hub.replies(source_ref="MD1") if each["status"] == "RESOLVED"]
    assert "双方已达成协议。" in told["text"]
    assert clocks(hub, "mediation", "MD1") == {}


def test_no_party_reaches_the_hub(hub: MemoryHub) -> None:
    for name in (topics.EVENTS.name, topics.CASES.name):
        assert not [each for each in hub.records(name) if "某某" in str(each)]
    account, state = hub.audit()
    assert account.good, [each for each in account.findings if each.count]
    assert state.good, state.findings

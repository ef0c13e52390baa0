"""The city and the day of the tests of agents. No tests of its own."""

from __future__ import annotations

from hub.policy import load_city
from hub.settings import ROOT

MINUTE = 60_000
NOON = 1_772_420_400_000
CITY = load_city(ROOT / "ops" / "cities" / "demo")

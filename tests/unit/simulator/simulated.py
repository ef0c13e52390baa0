"""A small scene that needs no policy folder, and shorthands."""

from zoneinfo import ZoneInfo

from shapely import box

from hub.simulator.generate import Plan, statements
from hub.simulator.scene import SYSTEMS, Scene, SceneArea, SceneCategory
from hub.simulator.truth import Statement

START_MS = 1_772_402_400_000  # 2026-03-02 06:00 in Shanghai


def make_scene() -> Scene:
    kinds = tuple(
        SceneCategory(
            f"g{n % 3}.k{n}", f"Kind {n}", urgency, SYSTEMS[: 1 + n % 4], f"类别{n}", f"g{n % 3}", f"Group {n % 3}"
        )
        for n, urgency in enumerate(("ROUTINE", "PROMPT", "URGENT", "EMERGENCY") * 3)
    )
    areas = tuple(SceneArea(f"A{n}", box(116.3 + 0.1 * n, 39.8, 116.4 + 0.1 * n, 40.0)) for n in range(3))
    return Scene(ZoneInfo("Asia/Shanghai"), kinds, areas, (39.9, 116.4))


def simulate(seed: int, days: float = 1.0, rate: int = 300) -> list[Statement]:
    return list(statements(Plan(START_MS, seed, days, rate), make_scene()))

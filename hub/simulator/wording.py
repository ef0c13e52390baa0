"""The words of the simulated city: invented streets, titles and texts. No real name, number or person."""

from __future__ import annotations

from random import Random

from hub.simulator.scene import Coordinates, SceneCategory

_STREETS = (
    ("Willow", "柳"), ("Harbour", "港湾"), ("Foundry", "铸造"), ("Lantern", "灯笼"), ("Orchard", "果园"),
    ("Mill", "磨坊"), ("Heron", "白鹭"), ("Copper", "铜"), ("Station", "车站"), ("Garden", "花园"),
    ("Quarry", "采石"), ("Weaver", "织"),
)  # fmt: skip
_FORMS = (("Road", "路"), ("Street", "街"), ("Lane", "巷"), ("Avenue", "大道"))
_OPENINGS = (
    "{label} at {address}.",
    "Reporting {label} near {address}, seen just now.",
    "{label}, {address}. Please send somebody.",
    "There is {label} outside {address}; it is getting worse.",
)
_OPENINGS_ZH = (
    "{address}附近有{label}的问题，请有关部门处理。",
    "反映{address}{label}，希望尽快解决。",
    "您好，{address}出现{label}，影响居民出行，请核实。",
)
_MORE = ("Still there.", "It has grown since the first report.", "A lane is blocked now.", "Exact position corrected.")
_MORE_ZH = ("情况仍未改善。", "比之前更严重了。", "已影响通行。", "位置有更正。")
_CELL = 0.002
"""Degrees, about 200 m: one street name for each cell, so that neighbours report the same street."""


def street(where: Coordinates, chinese: bool) -> str:
    """The address of a place; always the same for the same place."""
    row, column = int(where[0] / _CELL), int(where[1] / _CELL)
    name = _STREETS[(row * 7 + column * 3) % len(_STREETS)]
    form = _FORMS[(row + column) % len(_FORMS)]
    number = 1 + int(abs(where[1]) * 20_000) % 240
    return f"{name[1]}{form[1]}{number}号" if chinese else f"{number} {name[0]} {form[0]}"


def title(kind: SceneCategory, address: str, chinese: bool) -> str:
    return f"{kind.label_zh or kind.label}（{address}）" if chinese else f"{kind.label}, {address}"


def text(rng: Random, kind: SceneCategory, address: str, chinese: bool) -> str:
    """What a reporter writes."""
    if chinese:
        return rng.choice(_OPENINGS_ZH).format(label=kind.label_zh or kind.label, address=address)
    said = rng.choice(_OPENINGS).format(label=kind.label.lower(), address=address)
    return said[0].upper() + said[1:]


def later_text(rng: Random, chinese: bool) -> str:
    """What a later statement adds."""
    return rng.choice(_MORE_ZH if chinese else _MORE)

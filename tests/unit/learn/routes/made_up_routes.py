"""A made-up past whose routing is known: five kinds of reports of two departments in a square city."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pyarrow as pa

from hub.core.places.places import Layers
from hub.core.report import Sighting
from hub.core.routing.router import Decision, Router
from hub.learn.history import History
from hub.learn.layers import AreaLayer
from hub.learn.routes.learn import RoutesDraft
from hub.policy.city import City
from hub.policy.models import Category, CityFile, Department, Name, Route

DAY_MS = 86_400_000
START_MS = 1_767_225_600_000  # 2026-01-01T00:00Z
START = date(2026, 1, 1)
NAME = Name(en="x", zh="x")


def told(rng: random.Random, day: int, noise: float = 0.0) -> dict[str, object]:
    """One report and who got it."""
    placed = rng.random() < 0.85
    lat, lon = 50.0 + rng.random() * 0.06, 10.0 + rng.random() * 0.06
    north, east = lat > 50.03, lon > 10.03
    district = ("north" if north else "south") + (" east" if east else " west")
    row: dict[str, object] = {
        "opened_ms": START_MS + day * DAY_MS + rng.randrange(DAY_MS),
        "lat": lat if placed else None,
        "lon": lon if placed else None,
        "channel": rng.choice(["app", "phone", "worker"]),
        "zip": f"1{int(north)}",
        "category": rng.choice(["pothole", "sweeping", "lamp", "comment", "bin"]),
        "title": "",
        "department": "Roads",
    }
    if row["category"] in ("pothole", "sweeping"):
        row["queue"] = f"District {district}"
    elif row["category"] == "lamp":
        row["queue"] = "Night crew" if row["channel"] == "worker" else "Lamps"
        row["department"] = "Lights"
    elif row["category"] == "comment":
        word = rng.choice(["Roads: thanks", "Lights: why so dark", "other"])
        row["title"] = word
        row["department"] = "Lights" if word.startswith("Lights") else "Roads"
        row["queue"] = f"{row['department']} comments"
    else:
        row["queue"] = "Bins, old" if day < 100 else "Bins, new"
    if rng.random() < noise:
        row["queue"] = rng.choice(["Lamps", "Bins, new", "District north east", "Lost"])
        row["department"] = "Lights" if row["queue"] == "Lamps" else "Roads"
    return row


def past(seed: int, reports: int, days: tuple[int, int], noise: float = 0.0) -> History:
    rng = random.Random(seed)
    first, end = days
    rows = sorted(
        (told(rng, rng.randrange(first, end), noise) for _ in range(reports)), key=lambda row: row["opened_ms"]
    )

    def column(name: str, kind: pa.DataType | None = None) -> pa.Array:
        return pa.array([row[name] for row in rows], kind or pa.string())

    def empty(kind: pa.DataType) -> pa.Array:
        return pa.nulls(reports, kind)

    same: Callable[[str], pa.Array] = lambda value: pa.array([value] * reports)  # noqa: E731
    return History(
        source=same("hotline"), ref=pa.array([str(number) for number in range(reports)]), opened_ms=column("opened_ms", pa.int64()),
        category=column("category"), label=column("category"), channel=column("channel"), urgency=same("ROUTINE"),
        lat=column("lat", pa.float64()), lon=column("lon", pa.float64()), address=empty(pa.string()), title=column("title"),
        text=same(""), due_ms=empty(pa.int64()), closed_ms=empty(pa.int64()), department=column("department"),
        queue=column("queue"), duplicate=empty(pa.bool_()), duplicate_of=empty(pa.string()), time_zone="Europe/Berlin",
        attributes={"zip": column("zip")},
    )  # fmt: skip


def as_city(draft: RoutesDraft, demo: City, departments: list[Department], categories: list[str]) -> City:
    """The draft as the rules of a city, as `cityhub learn` would write them."""
    layers: list[AreaLayer] = draft.layers
    return replace(
        demo,
        file=CityFile(
            id="made",
            name=NAME,
            time_zone="Europe/Berlin",
            effective_from=demo.file.effective_from,
            dispatch_desk="desk",
        ),
        categories={code: Category(code=code, name=NAME, family="all") for code in categories},
        departments={one.id: one for one in departments},
        areas=(),
        layers={layer.layer: layer.areas for layer in layers},
        routes=tuple(each.row for each in draft.routes if isinstance(each.row, Route)),
        fallback=tuple(each.row for each in draft.fallback if isinstance(each.row, Route)),
    )


def decisions(city: City, history: History) -> list[Decision]:
    """Each report of a history by the hub's own router."""
    router, found = Router(city), []
    lat, lon = history.lat.to_pylist(), history.lon.to_pylist()
    layers = Layers(city)
    columns = zip(
        history.source.to_pylist(), history.category.to_pylist(), history.channel.to_pylist(), history.opened_ms.to_pylist(),
        history.title.to_pylist(), history.attributes["zip"].to_pylist(), lat, lon, strict=True,
    )  # fmt: skip
    for source, category, channel, at_ms, title, code, y, x in columns:
        seen = Sighting(
            row=0, source=source, ref="", revision=0, kind="OPENED", at_ms=at_ms, category=category, urgency="ROUTINE",
            channel=channel, due_ms=None, place_key="", area=None, lat=y, lon=x, body=b"", title=title, label=category,
            attributes={"zip": code},
        )  # fmt: skip
        found.append(router.route_one(source, category, None, "ROUTINE", y is not None, seen, layers.find_one(y, x)))
    return found

"""One draft: files in, a policy folder out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.backtest.intake import EventFile
from hub.backtest.judging.names import slug
from hub.backtest.output import iso_writer
from hub.backtest.run import Bars, read_history
from hub.backtest.run import ReadHistory as Files
from hub.errors import FatalError
from hub.learn.draft import draft
from hub.learn.folder import refuse_to_overwrite, write_folder
from hub.learn.layers import AreaLayer
from hub.learn.reading import build_history


def learn(
    files: list[EventFile],
    truth: Path | None,
    layers: list[AreaLayer],
    out: Path,
    bars: Bars,
    *,
    until_ms: int | None = None,
    city_id: str | None = None,
) -> dict[str, Any]:
    """Read the files and draft. Gives the report that is written beside the draft. Raises FatalError if nothing can be read."""
    refuse_to_overwrite(out)
    mapping = files[0].chosen.mapping
    history = read_history(files, mapping.time_zone, bars, truth=truth)
    nowhere = [point for each in files for point in each.chosen.mapping.event.place.nowhere]
    return draft_folder(
        history, mapping.time_zone, layers, out, bars, nowhere=nowhere, until_ms=until_ms, city_id=city_id
    )


def draft_folder(
    files: Files,
    time_zone: str,
    layers: list[AreaLayer],
    out: Path,
    bars: Bars,
    *,
    nowhere: list[tuple[float, float]],
    until_ms: int | None = None,
    city_id: str | None = None,
) -> dict[str, Any]:
    """As `learn`, from files that were read before."""
    with bars("Learning 学习") as on_progress:
        read = build_history(files.intake, files.truth, layers, time_zone, until_ms=until_ms)
        if not len(read.history):
            raise FatalError("no report could be read, so nothing can be learnt; see the mapping, --until and rejects")
        on_progress(1, 2)
        found = draft(read, layers, city_id or slug(out.resolve().name) or "city", nowhere)
        on_progress(2, 2)
    opened, local = read.history.opened_ms, iso_writer(time_zone)
    facts: dict[str, Any] = {
        "city": found.city.id,
        "reports": len(read.history),
        "from": local(opened[0].as_py())[:10],
        "until": local(opened[-1].as_py())[:10],
        "rejected": len(files.intake.rejects) + len(files.rejects),
        "default_points": [[point.lat, point.lon] for point in found.city.default_points],
        "layers": {each.layer: {"areas": len(each.areas), "code": each.code_property} for each in layers},
    }
    city = write_folder(found, out, facts)
    return facts | {
        "policy": city.fingerprint,
        "rows": {
            "categories 类别": len(city.categories),
            "departments 部门": len(city.departments),
            "routes 派单规则": len(city.routes),
            "deadlines 时限": len(city.deadlines),
            "calendars 日历": len(city.calendars),
            "linking 关联规则": len(city.linking),
        },
        "notes": found.notes,
    }

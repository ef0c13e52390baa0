"""docs/rules.md, made from the flow packs in ops/flows: `python -m ops.checks.rules` writes it, `ops.checks` compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hub.core.routing.words import conditions_in_words, outcome_in_words
from hub.core.rules.examples import check_examples
from hub.core.tracking.lifecycle import EVENT_RULES, Who
from hub.declared.document import load_yaml
from hub.declared.problems import DeclarationError
from hub.policy import load_city
from hub.policy.models import DEFAULT_CLOCKS, ClockSpec, DeadlineRule, DeadlinesFile, DeadlineWhen, StepsFile
from hub.policy.models.organisation import OrganisationFile, RungSpec
from hub.policy.models.routes import Exit, Route, RoutesFile
from hub.settings import ROOT

PAGE = ROOT / "docs" / "rules.md"
FLOWS = ROOT / "ops" / "flows"
WHOLE = ROOT / "ops" / "cities" / "cn-full"
"""A city that includes them all."""
_WHO = {
    Who.PARTY: "party", Who.HOLDER: "holder", Who.DESK: "desk", Who.CALLER: "joint", Who.HUB: "hub", Who.CITY: "city",
}  # fmt: skip
_HEAD = """\
<!-- made from ops/flows by `python -m ops.checks.rules` -->
# The rules of all flow packs 规则一览

What starts and stops a clock is followed by who can say it: *holder* 主办单位, *party* 主办或协办单位,
*joint* 吹哨、报到单位, *desk* 派单台、督办单位, *hub* 平台自身; the desk may say all of them. `any`, `helper`: whose
word counts, where it is not the holder's. In force: where its pack is included, or once a city names the
template. `cityhub policy check ops/cities/cn-full` proves of all packs together that every row can be reached,
that every clock can start and stop, and that every example holds; a row without a citable text says so.

"""


def page() -> str:
    """Every rule with its source, start, stop and who can say these, as Markdown."""
    packs = sorted(path for path in FLOWS.iterdir() if path.is_dir())
    speakers = _who_says(packs)
    clocks = DEFAULT_CLOCKS | {name: spec for pack in packs for name, spec in _deadlines(pack).clocks.items()}
    return _HEAD + "\n".join(line for pack in packs for line in _section(pack, speakers, clocks))


def _section(pack: Path, speakers: Mapping[str, str], clocks: Mapping[str, ClockSpec]) -> Iterator[str]:
    yield f"## {pack.name}\n"
    file = _deadlines(pack)
    if file.deadlines:
        yield "| limit 时限 | of | duration 时长 | starts 起算 | stops 止算 | source 依据 | in force 生效 |"
        yield "|---|---|---|---|---|---|---|"
        yield from (_limit(row, clocks, speakers, file.templates) for row in file.deadlines)
        yield ""
    routes = _routes(pack)
    if routes:
        yield "| row 规则 | when 条件 | to 去向 | source 依据 |"
        yield "|---|---|---|---|"
        yield from (
            f"| `{row.id}` | {_cell('; '.join(conditions_in_words(row.when)) or 'always')} | "
            f"{_cell(outcome_in_words(row))} | {_cell(row.legal_basis or '')} |"
            for row in routes
        )
        yield ""
    yield from _said(_steps(pack))
    yield from _ladder(pack)


def _said(file: StepsFile) -> Iterator[str]:
    """What may be said beside what may be said everywhere, and what a resolution may come to."""
    if file.steps:
        yield "| step 步骤 | said by 谁可说 | while the case is 案件状态 | reporters are told 告知 | source 依据 |"
        yield "|---|---|---|---|---|"
        yield from (
            f"| `{code}` {spec.name.zh} | *{spec.by}* | {', '.join(spec.states) or 'not over'} | "
            f"{_cell(spec.tell.zh if spec.tell else '')} | {_cell(spec.legal_basis or '')} |"
            for code, spec in file.steps.items()
        )
        yield ""
    if file.outcomes:
        yield "| outcome 办理结果 | counts as 计为 | said by 谁可说 | reporters are told 告知 | source 依据 |"
        yield "|---|---|---|---|---|"
        yield from (
            f"| `{code}` {spec.name.zh} | {spec.counts} | *{spec.by}* | {_cell((spec.tell or spec.name).zh)} | "
            f"{_cell(spec.legal_basis or '')} |"
            for code, spec in file.outcomes.items()
        )
        yield ""


def _ladder(pack: Path) -> Iterator[str]:
    rungs = _rungs(pack)
    if rungs:
        yield "| rung 督办阶梯 | told beside the holder 另告知 | source 依据 |"
        yield "|---|---|---|"
        yield from (f"| `{each.rung}` | {_above(each)} | {_cell(each.legal_basis or '')} |" for each in rungs)
        yield ""


def _above(rung: RungSpec) -> str:
    if rung.kind is not None:
        return f"the nearest {rung.kind} above"
    return f"{rung.above} above" if rung.above is not None else ""


def _limit(
    row: DeadlineRule, clocks: Mapping[str, ClockSpec], speakers: Mapping[str, str], chosen: Sequence[str]
) -> str:
    clock = clocks[row.clock]
    by = row.by or clock.by
    whose = "" if by == "holder" else f" (`{by}`)"
    duration = f"{row.duration:g} {row.unit}" if row.runs else "none runs"
    force = "with its pack" if row.template is None or row.template in chosen else f"`{row.template}`"
    cells = (
        f"`{row.id}` {clock.name.zh}", _of(row.when), duration, _events(row.start or clock.start, speakers),
        _events(row.stop or clock.stop, speakers) + whose, row.legal_basis or "", force,
    )  # fmt: skip
    return f"| {' | '.join(map(_cell, cells))} |"


def _of(when: DeadlineWhen) -> str:
    parts = []
    for values in (when.category, when.family, when.source, when.urgency, when.area_class, when.condition):
        if values:
            parts.append(", ".join(values[:3]) + (f" and {len(values) - 3} more" if len(values) > 3 else ""))
    return "; ".join(parts) or "all"


def _events(events: Sequence[str], speakers: Mapping[str, str]) -> str:
    return ", ".join(f"{event} *{speakers.get(event, 'hub')}*" for event in events)


def _who_says(packs: Sequence[Path]) -> dict[str, str]:
    found = {event: _WHO[rule.who] for event, rule in EVENT_RULES.items()}
    for pack in packs:
        found |= {code: spec.by for code, spec in _steps(pack).steps.items()}
    return found


def _steps(pack: Path) -> StepsFile:
    path = pack / "steps.yaml"
    return load_yaml(path, StepsFile) if path.exists() else StepsFile()


def _rungs(pack: Path) -> tuple[RungSpec, ...]:
    path = pack / "organisation.yaml"
    file = load_yaml(path, OrganisationFile) if path.exists() else OrganisationFile()
    return file.ladder if "ladder" in file.model_fields_set else ()


def _deadlines(pack: Path) -> DeadlinesFile:
    path = pack / "deadlines.yaml"
    return load_yaml(path, DeadlinesFile) if path.exists() else DeadlinesFile()


def _routes(pack: Path) -> tuple[Route | Exit, ...]:
    path = pack / "routes.yaml"
    if not path.exists():
        return ()
    file = load_yaml(path, RoutesFile)
    return (*file.exits, *file.routes, *file.fallback)


def _sources(pack: Path) -> Iterator[tuple[str, str | None]]:
    """Each row's name and its source."""
    yield from ((row.id, row.legal_basis) for row in (*_deadlines(pack).deadlines, *_routes(pack)))
    said = _steps(pack)
    yield from ((code, step.legal_basis) for code, step in said.steps.items())
    yield from ((code, outcome.legal_basis) for code, outcome in said.outcomes.items())
    yield from ((each.rung, each.legal_basis) for each in _rungs(pack))


def _cell(text: str) -> str:
    return text.replace("|", "/")


def problems() -> Iterator[str]:
    """What is wrong with the packs and their page, if anything."""
    try:
        yield from (f"{WHOLE.relative_to(ROOT)}: {each}" for each in check_examples(load_city(WHOLE)))
    except DeclarationError as error:
        yield from (f"{WHOLE.relative_to(ROOT)}: {each}" for each in error.problems)
        return
    for pack in sorted(path for path in FLOWS.iterdir() if path.is_dir()):
        for name, source in _sources(pack):
            if source is None:
                yield f"ops/flows/{pack.name}: row {name!r} names no source; cite one, or say that no text has it"
        if not (pack / "README.md").is_file():
            yield f"ops/flows/{pack.name}: there is no README.md; write ten lines with its sources"
    if not PAGE.is_file() or PAGE.read_text("utf-8") != page():
        yield f"{PAGE.relative_to(ROOT)} is not what ops/flows says; run `python -m ops.checks.rules`"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")

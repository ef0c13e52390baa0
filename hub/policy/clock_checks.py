"""What deadline rows must agree on with the rest of deadlines.yaml: clocks, classes of area and templates that exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hub.declared.document import Location
from hub.declared.problems import hint
from hub.model.update import EVENT_NAMES
from hub.policy.city import label_key
from hub.policy.models import CLOCKS, DEFAULT_CLOCKS, ClockSpec, ConditionSpec, DeadlineRule, OutcomeSpec, StepSpec

FILE = "deadlines.yaml"
_UPDATES = frozenset(event.lower() for event in EVENT_NAMES if event != "CUSTOM")
"""What departments can say everywhere."""
_HUB = ("dispatched", "reopened", "closed", "withdrawn")
_HELPERS = frozenset(
    (
        "accepted",
        "arrived",
        "responded",
        "resolved",
        "refused",
        "extension_asked",
        "paused",
        "resumed",
        "whistled",
        "scored",
    )
)
"""What who helps can say everywhere (hub/core/lifecycle.md)."""
_STARTS_ONLY = ("opened", "called")


def may_apply(rule: DeadlineRule, templates: Sequence[str]) -> bool:
    """Whether a row is in force here at some time."""
    return rule.template is None or rule.template in templates


def leaves_none(above: DeadlineRule, rule: DeadlineRule) -> bool:
    """Whether a row takes what it matches from one below it: not if it holds for a time only, nor if it yields what a law sets."""
    dated = above.effective_from is not None or above.effective_until is not None
    return not dated and not (above.yields and rule.legal)


def clock_mistakes(
    rules: Sequence[DeadlineRule],
    clocks: Mapping[str, ClockSpec],
    area_classes: Mapping[str, Sequence[str]],
    templates: Sequence[str],
    steps: Mapping[str, StepSpec],
    conditions: Mapping[str, ConditionSpec],
) -> Iterator[tuple[str, Location, str]]:
    """File, place and what is wrong, of every mistake."""
    known = {*CLOCKS, *clocks}
    for index, rule in enumerate(rules):
        if rule.clock not in known:
            yield (
                FILE,
                ("deadlines", index, "clock"),
                f"the clock {rule.clock!r} is not described; {hint(rule.clock, known)} or say under `clocks` what stops it",
            )
        in_force = rule.template is None or rule.template in templates
        for position, one in enumerate(rule.when.area_class or ()):
            if in_force and one not in area_classes:
                yield (
                    FILE,
                    ("deadlines", index, "when", "area_class", position),
                    f"no area is of class {one!r}; {hint(one, area_classes)} (name its areas under `area_classes`)",
                )
    yield from _unsayable(rules, clocks, steps)
    yield from _unmeetable(rules, clocks, steps)
    yield from _never_overdue(rules, clocks, templates)
    yield from _unfulfillable(rules, conditions)
    yield from _yield_to_none(rules)
    offered = {rule.template for rule in rules if rule.template is not None}
    for position, name in enumerate(templates):
        if name not in offered:
            yield FILE, ("templates", position), f"there is no template {name!r}; {hint(name, offered)}"
    owner: dict[str, str] = {}
    for name, codes in area_classes.items():
        for position, code in enumerate(codes):
            if owner.setdefault(code, name) != name:
                yield (
                    FILE,
                    ("area_classes", name, position),
                    f"the area {code!r} is of class {owner[code]} already; keep one",
                )


def _unsayable(
    rules: Sequence[DeadlineRule], clocks: Mapping[str, ClockSpec], steps: Mapping[str, StepSpec]
) -> Iterator[tuple[str, Location, str]]:
    """A clock that waits for what nobody can say never starts, or never stops."""
    stops = {*_UPDATES, *_HUB, *steps}
    starts = {*stops, *_STARTS_ONLY, *(f"{clock}_overdue" for clock in (*CLOCKS, *clocks))}
    named: list[tuple[Location, ClockSpec | DeadlineRule]] = [
        *((("clocks", name), spec) for name, spec in clocks.items()),
        *((("deadlines", index), rule) for index, rule in enumerate(rules)),
    ]
    for where, spec in named:
        for kind, events, known in (("start", spec.start, starts), ("stop", spec.stop, stops)):
            for position, event in enumerate(events):
                if event not in known:
                    yield (
                        FILE,
                        (*where, kind, position),
                        f"nobody can say {event!r}, so it never {kind}s the clock; declare it in steps.yaml: "
                        f"{hint(event, known)}",
                    )
    for code in steps:
        if code in {*_UPDATES, *_HUB, *_STARTS_ONLY, "custom"} or code.endswith("_overdue"):
            yield (
                "steps.yaml",
                ("steps", code),
                f"every city has {code!r} already; give the city's own step another code",
            )


def _unmeetable(
    rules: Sequence[DeadlineRule], clocks: Mapping[str, ClockSpec], steps: Mapping[str, StepSpec]
) -> Iterator[tuple[str, Location, str]]:
    """A clock that only a helper's word starts or stops, by what no helper can say."""
    sayable = {*_HELPERS, *_HUB, *(code for code, step in steps.items() if step.by in ("party", "joint"))}
    for index, rule in enumerate(rules):
        clock = clocks.get(rule.clock) or DEFAULT_CLOCKS.get(rule.clock)
        if (rule.by or (clock.by if clock else "holder")) != "helper":
            continue
        starts, stops = rule.start or (clock.start if clock else ()), rule.stop or (clock.stop if clock else ())
        overdue = {event for event in starts if event.endswith("_overdue")}
        sides = ((starts, {*sayable, *_STARTS_ONLY, *overdue}, "never starts"), (stops, sayable, "is never met"))
        for events, known, never in sides:
            if events and known.isdisjoint(events):
                yield (
                    FILE,
                    ("deadlines", index),
                    f"no helper can say {', '.join(events)}, so row {rule.id!r} {never}; write `by: any`, or give the step "
                    "`by: party` in steps.yaml",
                )


def _never_overdue(
    rules: Sequence[DeadlineRule], clocks: Mapping[str, ClockSpec], templates: Sequence[str]
) -> Iterator[tuple[str, Location, str]]:
    """A row that waits for a clock to run out which never runs, or for one that waits for this one in its turn."""
    in_force = [rule for rule in rules if rule.template in (None, *templates)]
    for index, rule in enumerate(rules):
        known = in_force if rule.template in (None, *templates) else rules
        starts = _starts(rule, clocks)
        if not all(event.endswith("_overdue") for event in starts) or not _running_out(known, clocks).isdisjoint(
            starts
        ):
            continue
        timed = starts[0] in {f"{each.clock}_overdue" for each in known if each.runs}
        why = (
            f"the clock of {starts[0]!r} starts by nothing but such clocks 互为起点, so row {rule.id!r} never starts; start one by "
            "something that is said"
            if timed
            else f"no row times the clock of {starts[0]!r}, so row {rule.id!r} never starts; give that clock a row"
        )
        yield FILE, ("deadlines", index), why


def _starts(rule: DeadlineRule, clocks: Mapping[str, ClockSpec]) -> Sequence[str]:
    clock = clocks.get(rule.clock)
    return rule.start or (clock.start if clock else ("opened",)) or ("opened",)


def _running_out(rules: Sequence[DeadlineRule], clocks: Mapping[str, ClockSpec]) -> set[str]:
    """What clocks cause that run out, of those that can start: by something else, or by one of these."""
    rows = [(f"{rule.clock}_overdue", _starts(rule, clocks)) for rule in rules if rule.runs]
    found: set[str] = set()
    while True:
        more = {
            event for event, starts in rows if any(not each.endswith("_overdue") or each in found for each in starts)
        }
        if more == found:
            return found
        found = more


def outcome_mistakes(
    outcomes: Mapping[str, OutcomeSpec], rules: Sequence[DeadlineRule], templates: Sequence[str]
) -> Iterator[tuple[str, Location, str]]:
    """An outcome that nobody could say: it hangs a case up, and no clock may be paused for that."""
    pauses = [rule.pause for rule in rules if rule.pause is not None and (rule.template in (None, *templates))]
    reasons = {label_key(reason) for pause in pauses for reason in pause.reasons}
    for code, spec in outcomes.items():
        if spec.counts == "hung_up" and reasons.isdisjoint(map(label_key, spec.labels(code))):
            yield (
                "steps.yaml",
                ("outcomes", code),
                f"no row of deadlines.yaml that is in force has a pause for {code!r}, so nobody can hang a case up so; "
                f"give one `pause: {{reasons: [{code}]}}`",
            )


def _unfulfillable(
    rules: Sequence[DeadlineRule], conditions: Mapping[str, ConditionSpec]
) -> Iterator[tuple[str, Location, str]]:
    """A row whose condition no report can fulfil never holds."""
    declared = {label_key(name) for name in conditions}
    for index, rule in enumerate(rules):
        for position, name in enumerate(rule.when.condition or ()):
            if label_key(name) not in declared and not _holds_by_itself(name):
                yield (
                    FILE,
                    ("deadlines", index, "when", "condition", position),
                    f"no report can fulfil {name!r}; declare under `conditions` when it holds: {hint(name, conditions)}",
                )


def _holds_by_itself(name: str) -> bool:
    kind, equals, value = name.partition("=")
    return bool(equals and value) and (kind == "channel" or (kind.startswith("attribute.") and kind != "attribute."))


def _yield_to_none(rules: Sequence[DeadlineRule]) -> Iterator[tuple[str, Location, str]]:
    legal = {rule.clock for rule in rules if rule.legal}
    for index, rule in enumerate(rules):
        if rule.yields and rule.clock not in legal:
            yield (
                FILE,
                ("deadlines", index, "yields"),
                f"no row says `legal: true` of the clock {rule.clock!r}, so there is nothing to yield to; add that row",
            )

"""What a row of the routing table asks and what it does, in words for people."""

from __future__ import annotations

from collections.abc import Iterator

from hub.policy.models import Exit, Route, RouteWhen


def conditions_in_words(when: RouteWhen) -> Iterator[str]:
    """One phrase a condition."""
    for kind, values in (
        ("source 来源", when.source), ("category 类别", when.category), ("family 类", when.family),
        ("urgency 紧急程度", when.urgency), ("channel 渠道", when.channel), ("owner 权属", when.owner),
        ("weekday 星期", when.weekdays), ("time 时段", when.hours),
    ):  # fmt: skip
        if values is not None:
            yield f"{kind} is {_any(values)}"
    for layer, codes in when.layers.items():
        yield f"area 区域 ({layer}) is {_any(codes)}"
    for name, answers in (when.attribute or {}).items():
        yield f"attribute 属性 {name} is {_any(answers)}"
    if when.keywords is not None:
        yield f"text 文本 holds {_any(when.keywords)}"
    if when.address is not None:
        yield f"address 地址 holds {_any(when.address)}"
    if when.placed is not None:
        yield "it has a point 有坐标" if when.placed else "it has no point 无坐标"


def _any(values: tuple[str, ...]) -> str:
    shown = " or ".join(values[:6])
    return f"{shown} or {len(values) - 6} more" if len(values) > 6 else shown


def outcome_in_words(row: Route | Exit) -> str:
    """What a row does."""
    if isinstance(row, Exit):
        return f"{row.exit} → {row.department or row.reason or 'reply'}"
    lead = "the facility's owner 属主" if row.to_owner else row.department or f"the {row.to_area} of the area 属地"
    queue = f" / {row.queue}" if row.queue else ""
    helpers = f" {'& 联合' if row.joint else '+'} {', '.join(row.co_handlers)}" if row.co_handlers else ""
    return f"{lead}{queue}{helpers}"

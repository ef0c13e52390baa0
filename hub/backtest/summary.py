"""What a back-test found, in words and numbers for a person: rows of tables, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub.backtest.prepare import REPEATED
from hub.errors import Reason

SummaryRow = tuple[str, str]
REASONS = {
    str(Reason.TIME_OUT_OF_RANGE): "dated when nobody can mean it 时间不可信",
    str(Reason.BAD_ROW): "rows that could not be read 无法读取",
    "unknown_ref": "updates of no report here 无此来报",
}
"""Why rows were set aside, for people; other reasons stand as they are."""


def percent(share: float | None) -> str:
    """A share as people read it; a dash where nothing was judged."""
    return "-" if share is None else f"{share:.1%}"


def counts(report: dict[str, Any]) -> Iterator[SummaryRow]:
    """What went in and what came out."""
    yield "rows read 读取行数", f"{report['rows']:,}"
    if report["left_out"]:
        yield "left out by the mapping 映射略去", f"{report['left_out']:,}"
    yield "rejected 未采用", f"{report['rejected']:,}"
    for reason, count in report["rejected_by_reason"].items():
        if reason != REPEATED:
            yield f"  {REASONS.get(reason, reason)}", f"{count:,}"
    yield "repeats 重复报送", f"{report['repeats']:,}"
    yield from outcome(report)
    yield "closings from 办结来源", report["closings_from"]
    for name, words in (
        ("after_end", "updates after that time, left out 截止后反馈"),
        ("before_report", "updates dated before their report, counted as at it 早于来报，按来报时间计"),
    ):
        if report["updates"][name]:
            yield words, f"{report['updates'][name]:,}"


def outcome(report: dict[str, Any]) -> Iterator[SummaryRow]:
    """One policy's decisions."""
    yield "reports decided 来报", f"{report['reports']:,}"
    yield "cases 案件", f"{report['cases']:,}"
    yield "reports linked to another 关联来报", f"{report['links']:,}"
    yield "with a due time 有时限", f"{report['with_due']:,}"
    yield "breached 超时", f"{report['breached']:,}"
    yield "still open 在办", f"{report['open']:,}"
    yield "at the dispatch desk 派单台", f"{report['at_desk']:,}"
    groups = report["duplicates"]["identical_texts"]
    if groups["groups"]:
        yield "identical texts joined 相同内容归并", f"{groups['joined']:,} of {groups['groups']:,}"


def scores(report: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What the truth says: measure, share, of how many."""
    found = report["scores"]
    if found is None:
        return
    for name, words in (
        ("due", "due time equal within a minute 时限一致"),
        ("breach", "breach as the city says, hub's own due time 超时判定"),
        ("breach_source", "breach as the city says, the city's due time 超时判定（来源时限）"),
        ("department", "department 部门"),
        ("queue", "queue 承办队列"),
        ("department_held", "department of the case it is in 所属案件部门"),
        ("queue_held", "queue of the case it is in 所属案件队列"),
    ):
        each = found[name]
        if each["judged"]:
            yield words, percent(each["share"]), f"{each['right']:,} of {each['judged']:,}"
    said = found["duplicates"]
    pairs = {
        "pairs": "known duplicate pairs joined 已知重复件归并",
        "told_pairs": "pairs told by place and time 推定重复件归并",
    }
    for name, words in pairs.items():
        each = said[name]
        if each["known"]:
            yield words, percent(each["share"]), f"{each['joined']:,} of {each['known']:,}"
    for name, words in (("flags", "duplicate flags 重复标记"), ("clusters", "duplicate flags by cluster 按簇")):
        each = said[name]
        if each and each["flagged"]:
            told = f"precision {percent(each['precision'])}, recall {percent(each['recall'])}"
            yield f"{words}, F1", f"{each['f1']:.3f}", told


def changes(report: dict[str, Any]) -> Iterator[SummaryRow]:
    """What the policy does otherwise than the one it is held against."""
    words = {
        "moved": "reports to another department 改派部门", "requeued": "to another queue 改派队列",
        "reclassed": "to another category 改判类别", "link_gained": "links gained 新增关联",
        "link_lost": "links lost 失去关联", "link_moved": "links to another case 改关联", "due_moved": "due times moved 时限变动",
        "breach_added": "breaches added 新增超时", "breach_removed": "breaches removed 减少超时",
    }  # fmt: skip
    for kind, count in report["difference"]["changes"].items():
        yield words[kind], f"{count:,}"


def loads(report: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Department, cases, reports and breaches; where two policies are compared, each as other -> this."""
    if "difference" not in report:
        for name, each in sorted(report["load"].items(), key=lambda item: -item[1]["reports"]):
            yield name, f"{each['cases']:,}", f"{each['reports']:,}", f"{each['breaches']:,}"
        return
    both = report["difference"]["load"]
    for name, each in sorted(both.items(), key=lambda item: -item[1]["after"]["reports"]):
        told = [f"{each['before'][what]:,} -> {each['after'][what]:,}" for what in ("cases", "reports", "breaches")]
        yield name, told[0], told[1], told[2]


def report_markdown(report: dict[str, Any]) -> str:
    """The whole, to keep."""
    lines = [f"# Back-test of {report['city']} 历史回测", ""]
    lines += _table(("what", "count"), counts(report))
    if report["scores"] is not None:
        lines += ["## Against the truth 与实况比对", ""]
        lines += _table(("measure", "score", "of"), scores(report))
    if "difference" in report:
        lines += [f"## What {report['city']} does otherwise than {report['against']['city']} 两套规则之差", ""]
        lines += _table(("what", "reports"), changes(report))
        lines += _table((f"{report['against']['city']} alone", "count"), outcome(report["against"]))
        lines += _table(("measure", "score", "of"), scores(report["against"]))
    lines += ["## Load by department 各部门承办量", ""]
    lines += _table(("department", "cases", "reports", "breaches"), loads(report))
    return "\n".join(lines)


def _table(header: tuple[str, ...], rows: Any) -> list[str]:
    found = [f"| {' | '.join(row)} |" for row in rows]
    if not found:
        return []
    return [f"| {' | '.join(header)} |", "|" + "---|" * len(header), *found, ""]

"""The demo's last word: is everything accounted for, and does it agree with the simulator's truth? Pure; draws tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from hub.cli.demo.witness import SeenCases
from hub.errors import Reason
from hub.model.outputs import WAITING
from hub.simulator.truth import Truth

if TYPE_CHECKING:
    from hub.audit import AuditReport


@dataclass(frozen=True)
class CountCheck:
    """Something both sides counted. `counted` must be `wanted`."""

    what: str
    wanted: int
    counted: int

    @property
    def good(self) -> bool:
        return self.wanted == self.counted


@dataclass(frozen=True)
class Links:
    """How well the hub found out which reports are about one incident."""

    true: int
    """Reports that are not the first of their incident."""
    right: int
    made: int
    false: int
    """Reports joined to a case that another incident opened."""

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0

    @property
    def precision(self) -> float:
        return 1 - self.false / self.made if self.made else 1.0


def score_links(truth: Truth, cases: SeenCases) -> Links:
    """Compare the cases with the incidents. Direction does not matter: whichever report came first may lead."""
    spread: dict[int, set[str]] = {}
    sizes: Counter[int] = Counter()
    false = 0
    for case, lead in cases.lead.items():
        opened_by = truth.reports.get(lead)
        for reference in (lead, *cases.linked.get(case, ())):
            incident = truth.reports.get(reference)
            if incident is not None:
                spread.setdefault(incident, set()).add(case)
                sizes[incident] += 1
            false += incident != opened_by
    found = sum(sizes[incident] - len(there) for incident, there in spread.items())
    return Links(truth.links, found, sum(map(len, cases.linked.values())), false)


def compare_counts(
    truth: Truth,
    *,
    taken_in: Counter[str],
    repeats: Counter[str],
    receipts: Counter[str],
    dead: Counter[tuple[str, str]],
    sent: Counter[str],
    sent_twice: int,
    strays: int,
) -> list[CountCheck]:
    """The counts that must agree exactly. `receipts` by outcome; `dead`: dead letters by stage and reason; `sent`: updates by
    department."""
    sources = list(truth.rows)
    unknown = sum(count for (_, reason), count in dead.items() if reason == Reason.UNKNOWN_CASE)
    late = sum(count for (_, reason), count in dead.items() if reason == Reason.NOT_ALLOWED)
    unread = sum(count for (stage, _), count in dead.items() if stage.startswith("connector:"))
    rows = sum(taken_in[source] for source in sources) + unread
    return [
        CountCheck("rows written, rows in 行数", sum(truth.rows.values()), rows),
        CountCheck("broken rows, dead letters 坏行与死信", sum(truth.broken.values()), dead.total() - unknown - late),
        CountCheck("exact repeats 重复", sum(truth.repeats.values()), sum(repeats[source] for source in sources)),
        CountCheck("updates sent, updates in 部门反馈", sent.total(), sum(taken_in[who] for who in sent)),
        CountCheck("updates sent twice 重复反馈", sent_twice, sum(repeats[f"dept.{who}"] for who in sent)),
        CountCheck("updates sent, receipts 反馈与回执", sent.total(), final_receipts(receipts)),
        CountCheck("updates of unknown cases 未知案件", strays, unknown),
        CountCheck("not allowed, told so 不合流程已告知", receipts[Reason.NOT_ALLOWED], late),
    ]


def final_receipts(receipts: Counter[str]) -> int:
    """Receipts that say what became of an update; one that waits is told so, and told again."""
    return receipts.total() - receipts[WAITING]


def truth_table(checks: Iterable[CountCheck], links: Links) -> Table:
    table = Table("against the simulator's truth 与模拟真值比对", title=None)
    for head in ("simulator", "hub", ""):
        table.add_column(head, justify="right")
    for check in checks:
        verdict = Text("equal", "green") if check.good else Text("differs", "bold red")
        table.add_row(check.what, f"{check.wanted:,}", f"{check.counted:,}", verdict)
    table.add_row("links 关联", f"{links.true:,}", f"{links.right:,} found", f"{links.recall:.1%}")
    table.add_row("false links 误关联", "0", f"{links.false:,} of {links.made:,}", f"{1 - links.precision:.1%}")
    return table


def account_table(account: AuditReport) -> Table:
    """What became of what came in."""
    table = Table("reconciliation 对账", "records")
    for row in account.rows():
        table.add_row(*[str(cell) for cell in row])
    colour = "bold green" if account.good else "bold red"
    table.add_row("unaccounted 未对账", f"{account.unaccounted} unaccounted", style=colour)
    return table


def as_json(checks: Iterable[CountCheck], links: Links) -> dict[str, Any]:
    return {
        "checks": [
            {"what": check.what, "wanted": check.wanted, "found": check.counted, "good": check.good} for check in checks
        ],
        "links": {
            "true": links.true,
            "found": links.right,
            "made": links.made,
            "false": links.false,
            "recall": round(links.recall, 4),
            "precision": round(links.precision, 4),
        },
    }

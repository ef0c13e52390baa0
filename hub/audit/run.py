"""One audit, one comparison: read, then judge."""

from __future__ import annotations

from collections.abc import Sequence

from hub.audit.changelogs import read_changelogs
from hub.audit.checks.accounts import take_account
from hub.audit.checks.comparison import RunComparison, compare_tables
from hub.audit.checks.gaps import losses
from hub.audit.checks.rebuilt import StateReport, judge_state
from hub.audit.checks.receipts import check_receipts
from hub.audit.checks.rest import Unrest, unrest
from hub.audit.checks.structure import check_structure
from hub.audit.identity import NOWHERE, Ids
from hub.audit.reading import read_tables
from hub.audit.report import SHOWN, AuditReport, Finding
from hub.audit.tables import ORIGIN, Tables
from hub.inspect.reading import OnRead, spans
from hub.settings import Settings


def audit(
    settings: Settings, sources: Sequence[str], departments: Sequence[str], *, on_progress: OnRead | None = None
) -> AuditReport:
    """Prove from the topics that every record that came in has exactly one outcome, and that what came of it fits together.

    Reads what is committed now, once, and commits nothing. Meant for a hub at rest: while one runs, what is on its way
    shows as waiting, and its traces may show as not fitting together. What has expired from a topic cannot be proved.
    Raises FatalError if a topic is missing or holds what the hub did not write, RetriableError if Kafka cannot be read.
    """
    return judge_tables(read_tables(settings, sources, departments, on_progress))


def audit_with_state(
    settings: Settings, sources: Sequence[str], departments: Sequence[str], *, on_progress: OnRead | None = None
) -> tuple[AuditReport, StateReport | Unrest]:
    """As `audit`, and that each agent's state, rebuilt from its changelog, agrees with what it published.

    The two can be compared of a hub at rest only; else why they were not.
    """
    tables = read_tables(settings, sources, departments, on_progress)
    changelogs = read_changelogs(settings, tables.identities, on_progress)
    restless = unrest(tables, spans(settings, {topic for topic, _ in tables.cut}))
    return judge_tables(tables), judge_state(tables, changelogs) if restless is None else restless


def judge_tables(tables: Tables) -> AuditReport:
    """The report on what was read. Pure."""
    account = take_account(tables)
    cases, reopened, defects = check_structure(tables)

    def finding(what: str, ids: Ids) -> Finding:
        return Finding.of(what, map(tables.identities.show, ids[:SHOWN].tolist()), len(ids))

    return AuditReport(
        taken_in={topic: len(found) for topic, found in tables.inputs.items()},
        outcomes=dict(sorted(account.outcomes.items())),
        connector_letters=int((tables.dead.column(ORIGIN).to_numpy() == NOWHERE).sum()),
        cases=cases,
        reopened=reopened,
        lost=finding("lost 丢失", account.lost),
        waiting=finding("not read yet 待处理", account.waiting),
        twice=finding("more than one outcome 重复结果", account.doubled),
        defects=(
            finding("outcomes of what never came in 无源结果", account.strays),
            finding("the hub's records that an agent could not read 未能读取", account.unread),
            *defects,
            *check_receipts(tables),
        ),
        losses=tuple(losses(tables)),
        foreign=finding("stepped over, not the hub's own 跳过的异物", tables.foreign),
    )


def compare_runs(
    settings: Settings,
    against: str,
    sources: Sequence[str],
    departments: Sequence[str],
    *,
    on_progress: OnRead | None = None,
) -> RunComparison:
    """Compare the hub of `settings` with that of namespace `against` on the same broker: two runs over the same input.

    Raises as `audit` does.
    """
    other = settings.model_copy(update={"namespace": against})
    first = read_tables(settings, sources, departments, on_progress)
    return compare_tables(first, read_tables(other, sources, departments, on_progress))

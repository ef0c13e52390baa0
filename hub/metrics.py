"""Every metric of the hub, declared once. Names follow `hub_<noun>_<unit>_total`; labels are bounded by policy, never by data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

_LATENCY = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300)
_TRANSACTION = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10)


class BatchHistogram(Collector):
    """A histogram that takes a whole chunk's observations in one vector operation."""

    def __init__(self, name: str, documentation: str, label: str, buckets: Sequence[float]) -> None:
        self._name, self._documentation, self._label = name, documentation, label
        self._bounds = np.array([*buckets, np.inf])
        self._counts: dict[str, np.ndarray] = {}
        self._sums: dict[str, float] = {}
        REGISTRY.register(self)

    def observe(self, label: str, values: np.ndarray) -> None:
        """Add float values of shape (n,)."""
        places = np.searchsorted(self._bounds, values)
        added = np.bincount(np.minimum(places, len(self._bounds) - 1), minlength=len(self._bounds))
        self._counts[label] = self._counts.get(label, 0) + added
        self._sums[label] = self._sums.get(label, 0.0) + float(values.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._name, self._documentation, labels=[self._label])
        for label, counts in list(self._counts.items()):
            running = np.cumsum(counts)
            buckets = [
                ("+Inf" if np.isinf(bound) else repr(float(bound)), float(n))
                for bound, n in zip(self._bounds, running, strict=True)
            ]
            family.add_metric([label], buckets, self._sums[label])
        yield family


# What went into an agent, by the source it came from (a department's updates count under its id).
EVENTS_IN = Counter("hub_events_in_total", "Records an agent has taken in, committed", ["agent", "source"])
# What came out of an agent: admitted, update, repeat, opened, linked, amended, superseded, withdrawn, closed, applied, dead.
OUTCOMES = Counter("hub_outcomes_total", "Outcomes of the records taken in, one for each", ["agent", "outcome"])
# In less outcomes, this process; anything but 0 is a defect and pages somebody.
UNACCOUNTED = Gauge("hub_unaccounted_events", "Records taken in without exactly one outcome", ["agent"])
# Exact repeats dropped, by source.
REPEATS_DROPPED = Counter("hub_repeats_total", "Records seen before and dropped", ["source"])
# Updates answered by a receipt, by the department by whose topic they came: accepted, repeat, or why they were set aside.
RECEIPTS = Counter("hub_receipts_total", "Updates answered by a receipt, by outcome", ["department", "outcome"])
# Reports joined to an incident that was already open.
LINKS = Counter("hub_links_total", "Reports linked to an open case", ["category"])
# Reports that were taken out of their case again, as they were about something else: how often linking was wrong.
UNLINKS = Counter("hub_unlinks_total", "Reports taken out of a case again", ["category"])
# Points of admitted events that lie in no area of the city, by source and likely reason (hub.core.places.point_faults). Their
# events are decided without a point, or by the cell it lies in.
POINTS = Counter("hub_points_unplaced_total", "Points in no area of the city, by likely reason", ["source", "why"])
# Records set aside, by the agent, connector or sink that did so, why, and who sent them: a source, a department, `hub` for what the
# hub itself made.
DEAD_LETTERS = Counter("hub_dead_letters_total", "Records set aside as dead letters", ["stage", "reason", "source"])
# Cases opened and not yet closed, by the department that holds them.
OPEN_CASES = Gauge("hub_open_cases", "Cases now open", ["department"])
# Those of them of which some clock has run out and has not ended: what a department owes now.
OVERDUE_CASES = Gauge("hub_overdue_cases", "Cases now open of which some clock has run out", ["department"])
# Those of them that are at the dispatch desk: whoever sent them there, they stay until somebody sends them on.
DESK_OPEN_CASES = Gauge("hub_desk_open_cases", "Cases now open at the dispatch desk")
# Cases that no rule could send anywhere.
DESK_CASES = Counter("hub_dispatch_desk_total", "Cases sent to the dispatch desk", ["why"])
# Cases opened by reports of a category that the city's taxonomy does not know, wherever they went: a source has changed its list.
UNKNOWN_CATEGORIES = Counter("hub_unknown_categories_total", "Cases of a category that nobody knows", ["source"])
# Orders sent, by department and kind.
ORDERS = Counter("hub_orders_total", "Orders sent to departments", ["department", "kind"])
# Clocks about to run out.
WARNINGS = Counter("hub_deadline_warnings_total", "Deadlines warned of", ["department", "clock"])
# Clocks that ran out.
BREACHES = Counter("hub_deadline_breaches_total", "Deadlines breached", ["department", "clock"])
# Clocks stopped in time.
DEADLINES_MET = Counter("hub_deadlines_met_total", "Deadlines met", ["department", "clock"])
# What the rates (考核指标) are made of, by department: `count` is a field of hub.core.figures.rates.Counts. A rate is one net
# count by another: what was counted, less what was taken back as a later word took its place (a breach that became a late end).
RATE_COUNTS = Counter("hub_rate_counts_total", "What the rates by department are made of", ["department", "count"])
RATE_COUNTS_TAKEN_BACK = Counter(
    "hub_rate_counts_taken_back_total", "Of these, what no longer holds", ["department", "count"]
)
# Records behind the end of the topic, by agent and partition number (summed over an agent's topics).
LAG = Gauge("hub_lag_records", "Records not yet read", ["agent", "partition"])
# 1 while a source's topic is not read because too many of its records were rejected: its records wait, everybody else goes on.
SOURCE_PAUSED = Gauge("hub_source_paused", "1 while a source is paused", ["topic"])
# Partitions that somebody has added to a topic the hub reads: they are read too, and cost a hop (see the runbook).
EXTRA_PARTITIONS = Gauge("hub_topic_extra_partitions", "Partitions a topic has beyond the hub's number", ["topic"])
# Topics of sources and departments that the broker has, by whether anybody reads them.
INPUT_TOPICS = Gauge("hub_input_topics", "Topics of sources and departments, by read or unread", ["state"])
# Records, at most, in a topic of a source or department that nobody reads: the rules do not have the department, or the source has
# no topic for replies, or too few partitions. Only topics that are such are shown.
UNREAD_RECORDS = Gauge("hub_unread_topic_records", "Records in a topic that nobody reads", ["topic"])
# Stretches of a topic that were never read: gone by retention, made anew or cut, in a batch that cannot be unpacked, or skipped on
# purpose; and how many records they had at most. Anything but `skipped` is a loss.
GAPS = Counter("hub_gaps_total", "Stretches of a topic that were not read", ["agent", "source", "reason"])
GAP_RECORDS = Counter("hub_gap_records_total", "Records in them at most", ["agent", "source", "reason"])
# How long until Kafka may delete the oldest record of a topic that an agent has not read, and how long the topic keeps records.
# What is read to its end has all of it left; below 0 records are lost.
RETENTION_MARGIN_SECONDS = Gauge(
    "hub_retention_margin_seconds", "Time until unread records may be deleted", ["agent", "topic"]
)
RETENTION_SECONDS = Gauge("hub_retention_seconds", "How long a topic keeps its records", ["topic"])
# Partitions an agent holds and does not serve, as its changelog does not have the state that was committed.
STATE_REFUSED = Gauge("hub_state_refused_partitions", "Partitions refused for want of their state", ["agent"])
# From begin to commit, and how they ended.
TRANSACTION_SECONDS = Histogram(
    "hub_transaction_seconds", "Time of a transaction, begin to commit", ["agent"], buckets=_TRANSACTION
)
TRANSACTIONS = Counter(
    "hub_transactions_total", "Transactions by how they ended: committed, aborted", ["agent", "result"]
)
# Transactions that were not committed because records were not where the broker should have put them: each is done again, and none
# of it is lost. More than now and then says that the broker, or librdkafka, loses what it acknowledges.
UNPROVEN = Counter(
    "hub_transactions_unproven_total", "Transactions given up, records not being where they should", ["agent"]
)
# Arrival in Kafka to commit of what the agent made of it: at `route` that is arrival to order.
LATENCY_SECONDS = BatchHistogram("hub_latency_seconds", "Arrival at the hub to this agent's commit", "agent", _LATENCY)
# Records of a changelog that this program did not write and stepped over when it read its state back: rubbish, or a newer
# version's.
UNREADABLE_STATE = Counter("hub_unreadable_state_records_total", "Records of state stepped over", ["changelog"])
# Memory of the agents, in records, and how long reading it back took.
STATE_RECORDS = Gauge("hub_state_records", "Records of state held", ["agent"])
RECOVERY_SECONDS = Gauge("hub_recovery_seconds", "Time the last recovery of state took", ["agent"])
# Progress, for /healthz: when an agent last finished a chunk, or found nothing to do.
PROGRESS_TIMESTAMP = Gauge("hub_progress_timestamp_seconds", "When the agent last made progress", ["agent"])
# 1 when all state is read back and the agents serve.
READY = Gauge("hub_ready", "1 when the agent serves", ["agent"])
# What stood on hub.control or hub.workers and was none of the hub's, by why; anybody may write there.
CONTROL_REJECTS = Counter("hub_control_rejects_total", "Records of the control plane stepped over", ["reason"])
# How far this machine's clock is ahead of the broker's for certain (negative: behind), by the middle one of several.
CLOCK_APART_SECONDS = Gauge("hub_clock_apart_seconds", "This machine's clock, ahead of the broker's")
# 1 while the clocks differ by more than the limit, and nothing is said to have run out.
CLOCK_HELD = Gauge("hub_clock_held", "1 while the time of day is in doubt")
# How far the brokers' own clocks are apart.
BROKER_CLOCKS_SPREAD_SECONDS = Gauge("hub_broker_clocks_spread_seconds", "Between the clocks of the brokers")
# Workers of this hub that live, as this one hears them: with other rules than its own, and with its own name.
OTHER_RULES_WORKERS = Gauge("hub_other_rules_workers", "Other workers that have other rules than this one")
SAME_NAME_WORKERS = Gauge("hub_same_name_workers", "Other workers that bear this one's name")
# The connectors' own, served by each connector's process.
ROWS = Counter("hub_connector_rows_total", "Rows a connector has read, by what became of them", ["source", "result"])
PUBLISH_ERRORS = Counter("hub_connector_publish_errors_total", "Deliveries a connector had to repeat", ["source"])
# Of webhook sources: 202 (Kafka has it), 401 (forged, or too old), 413 (too long), 503 (Kafka does not have it: call again).
CALLS = Counter("hub_connector_calls_total", "Calls a webhook source has answered, by status", ["source", "status"])
# Of MQTT sources: new (went on), repeated (came again, and Kafka had it), retained (as it was heard before), damped (a thing that
# flaps), empty (a retained message is taken away).
MESSAGES = Counter("hub_connector_messages_total", "Messages an MQTT source has heard, by result", ["source", "result"])
# 1 for the state an edge is in (hub.sdk.running.status.EdgeState), 0 for all others; edges are those of connectors.yaml.
EDGE_STATE = Gauge("hub_connector_state", "1 for the state a connector is in", ["edge", "state"])
# Since when (Unix time), and who is to act so that it goes on; nobody while it runs.
EDGE_SINCE = Gauge("hub_connector_state_since_seconds", "Unix time since when a connector is in its state", ["edge"])
EDGE_OWNER = Gauge("hub_connector_turn", "1 for who is to act on a connector", ["edge", "owner"])
# Columns that a system has and its mapping does not expect (`appeared`), or that the mapping reads and no longer come (`vanished`).
EDGE_DRIFT = Gauge("hub_connector_drift_columns", "Columns other than the mapping expects", ["edge", "what"])
# When an edge last brought something; silence against its own rhythm is the state `degraded`.
EDGE_PROGRESS = Gauge("hub_connector_progress_seconds", "Unix time at which something last came", ["edge"])
# What a sink was to hand over: delivered, set_aside (in hub.dead), left_out (not written by the hub, so nobody's).
SINK_RECORDS = Counter("hub_sink_records_total", "Records a sink has read, by what became of them", ["sink", "result"])
# Tries that came to nothing and are repeated: a receiver that stumbles now and then shows here and nowhere else.
SINK_FAILURES = Counter("hub_sink_failures_total", "Deliveries that were not taken and are tried again", ["sink"])
SINK_WAITING = Gauge("hub_sink_waiting", "Deliveries that are read and not yet taken", ["sink"])
# Its age is what a receiver lags behind; 0 while nothing waits.
SINK_OLDEST = Gauge(
    "hub_sink_oldest_seconds", "Unix time at which the oldest waiting delivery was written, or 0", ["sink"]
)
# Its circuits that are open: one try at a time, ever further apart, finds out whether the receiver is back.
SINK_HELD = Gauge("hub_sink_held_receivers", "Receivers to which nothing goes because they take nothing", ["sink"])
# When what this process shows or believes runs out, by the setting (or the edge) that names the file; 0: it cannot be read.
CERTIFICATE_EXPIRES = Gauge("hub_certificate_expires_seconds", "Unix time at which a certificate runs out", ["use"])
# What is free of the disk on which the state directory lies, as a share of it.
DISK_FREE = Gauge("hub_disk_free_ratio", "Share of the state directory's disk that is free", ["use"])
# Answers of `cityhub web`, by operation (GET /departments/{department}/orders) and status: 401 and 403 say that somebody tries
# doors, 503 that Kafka does not have what came, or that the topics are still being read.
WEB_ANSWERS = Counter("hub_web_answers_total", "Answers of the web, by operation and status", ["operation", "status"])
# Of `cityhub ledger run`: records put into the ledger, how many it lacks, and how old the oldest of these is at most.
LEDGER_RECORDS = Counter("hub_ledger_records_total", "Records put into the ledger")
LEDGER_BEHIND_RECORDS = Gauge("hub_ledger_behind_records", "Records that the ledger lacks")
LEDGER_BEHIND_SECONDS = Gauge("hub_ledger_behind_seconds", "Age of the oldest record that the ledger lacks")
# Unix time at which that was said last: a ledger that cannot be written, or Kafka not read, says nothing.
LEDGER_LOOKED = Gauge("hub_ledger_looked_seconds", "Unix time at which the ledger last said how far it is")
# Who is silent against its own rhythm by hour of the week (hub.core.figures.rhythm), said by `cityhub ledger run` each minute: what
# came in the last 24 hours, what should have come since the last arrival, when that was, and from how many days that is known. A
# source's statements, and what a department says of its cases.
SOURCE_CAME = Gauge("hub_source_day_reports", "Statements of a source in the last 24 hours", ["source"])
SOURCE_MISSING = Gauge("hub_source_missing_arrivals", "Arrivals to be expected of a source since its last", ["source"])
SOURCE_LAST = Gauge("hub_source_last_arrival_seconds", "Unix time at which a source last said something", ["source"])
SOURCE_SILENT = Gauge("hub_source_silent", "1 while a source's silence is no chance", ["source"])
SOURCE_KNOWN_DAYS = Gauge("hub_source_known_days", "Days from which a source's rhythm is learnt", ["source"])
DEPARTMENT_CAME = Gauge("hub_department_day_updates", "Updates of a department in the last 24 hours", ["department"])
DEPARTMENT_MISSING = Gauge(
    "hub_department_missing_arrivals", "Arrivals to be expected of a department since its last", ["department"]
)
DEPARTMENT_LAST = Gauge(
    "hub_department_last_arrival_seconds", "Unix time at which a department last said something", ["department"]
)
DEPARTMENT_SILENT = Gauge("hub_department_silent", "1 while a department's silence is no chance", ["department"])
DEPARTMENT_KNOWN_DAYS = Gauge(
    "hub_department_known_days", "Days from which a department's rhythm is learnt", ["department"]
)
# Orders to a department that has their cases still, and has said nothing of them since; and when the oldest was written, or 0.
UNANSWERED_ORDERS = Gauge("hub_unanswered_orders", "Orders that a department has not answered", ["department"])
UNANSWERED_SINCE = Gauge(
    "hub_unanswered_since_seconds", "Unix time of the oldest order not answered, or 0", ["department"]
)

"""The faults, each with the alarm that is promised for it, and how soon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loadtests.alarms.monitoring import intervals_at, seconds_of
from loadtests.alarms.watched import (
    NAMESPACE,
    RECEIVING_DEPARTMENT,
    SILENT_DEPARTMENT,
    SILENT_SOURCE,
    UNREADABLE_SOURCE,
    WatchedHub,
)
from ops.checks import queries

_SILENCE_SECONDS = 15 * 60.0
"""Of who was heard every minute: so long until it is no chance (hub.core.figures.rhythm)."""
_LEDGER_LOOKS_SECONDS = 60.0
_GROUP_SECONDS = 300.0
"""`group_interval`: so long an alarm may wait for the next message of a group that was told already."""
_SLACK_SECONDS = 10.0
"""For processes to say it, and messages to come."""
_FILLING_SECONDS = 90.0
_RUBBISH = 40
_STARTS = 3
_START_SECONDS = 60.0
_SCRAPED_SECONDS = 12.0


@dataclass(frozen=True)
class AlarmedFault:
    """`make` says since when it is, in Unix time; `seconds` after that the rule's expression is true, and its `for` begins. `heal`
    undoes it, where the alarm ends soon after."""

    name: str
    alert: str
    seconds: float
    make: Callable[[WatchedHub], float]
    heal: Callable[[WatchedHub], object] | None = None
    labels: Mapping[str, str] | None = None

    @property
    def rule(self) -> Mapping[str, Any]:
        """As the project has it."""
        return next(each for each in queries.rules() if each.get("alert") == self.alert)

    def promised(self, pace: float) -> float:
        """Seconds from the fault to the message, with everything that waits divided."""
        waits = seconds_of(self.rule.get("for", "0s")) + _GROUP_SECONDS
        looks = sum(map(seconds_of, intervals_at(pace).values()))
        return self.seconds + max(2.0, waits / pace) + looks + _SLACK_SECONDS


def _fall_silent(hub: WatchedHub) -> float:
    """It has: what was remembered ends some minutes ago."""
    return hub.heard_last


def _stop_answering(hub: WatchedHub) -> float:
    """An order that nobody answers, to a department that was heard every minute until some minutes ago."""
    hub.report("road.pothole")
    return hub.heard_last


def _end_receiver(hub: WatchedHub) -> float:
    hub.receiver.stop()
    hub.report("sanitation.litter", 3)
    return time.time()


def _mistake(hub: WatchedHub) -> float:
    hub.make_mistake()
    began = time.time()
    hub.report("water.burst", 30)
    return began


def _fill_disk(hub: WatchedHub) -> float:
    """The ledger's, while reports come: with nothing to write it would hold out."""
    hub.disk.fill()
    began = time.time()
    threading.Thread(target=_go_on_reporting, args=(hub, began + _FILLING_SECONDS), name="reports", daemon=True).start()
    return began


def _go_on_reporting(hub: WatchedHub, until: float) -> None:
    while time.time() < until:
        hub.report("water.outage", 50)
        time.sleep(0.5)


def _send_rubbish(hub: WatchedHub) -> float:
    hub.send_rubbish(_RUBBISH)
    return time.time()


def _stop_worker(hub: WatchedHub) -> float:
    hub.stop_worker()
    return time.time()


def _kill_again_and_again(hub: WatchedHub) -> float:
    """Each time it lives for as long as it takes to be scraped. Since when: since the last kill, as the third start raises it."""
    began = time.time()
    while hub.restarts < _STARTS:
        time.sleep(_SCRAPED_SECONDS)
        began = time.time()
        hub.kill_worker()
        hub.start_worker()
        hub.await_worker()
    return began


def _end_broker(hub: WatchedHub) -> float:
    hub.kafka.stop()
    return time.time()


ROUNDS = (
    (
        AlarmedFault(
            "a source falls silent", "HubSourceSilent", _SILENCE_SECONDS + _LEDGER_LOOKS_SECONDS, _fall_silent,
            labels={"source": SILENT_SOURCE},
        ),
        AlarmedFault(
            "a department stops", "HubDepartmentSilent", _SILENCE_SECONDS + 2 * _LEDGER_LOOKS_SECONDS, _stop_answering,
            labels={"department": SILENT_DEPARTMENT},
        ),
        AlarmedFault(
            "a receiver dies", "HubReceiverHeld", 30.0, _end_receiver, lambda hub: hub.receiver.start(),
            labels={"sink": f"{NAMESPACE}{RECEIVING_DEPARTMENT}-orders"},
        ),
        AlarmedFault("a mistake in the rules", "HubDispatchDeskFilling", 10.0, _mistake),
        AlarmedFault(
            "a sender that nobody can read", "HubDeadLetters", 10.0, _send_rubbish, labels={"source": UNREADABLE_SOURCE}
        ),
    ),
    (
        AlarmedFault(
            "a full disk", "HubLedgerBehind", 60.0 + _FILLING_SECONDS / 2, _fill_disk, lambda hub: hub.disk.clear()
        ),
    ),
    (AlarmedFault("a worker ends", "HubWorkerDown", 0.0, _stop_worker, lambda hub: hub.start_worker()),),
    (AlarmedFault("a broker restarts", "HubKafkaAway", 60.0, _end_broker, lambda hub: hub.kafka.start()),),
    (AlarmedFault("a worker is killed again and again", "HubRestarting", _START_SECONDS, _kill_again_and_again),),
)  # fmt: skip
"""Those of one round are made together: none holds another's alarm back."""
FAULTS = tuple(fault for together in ROUNDS for fault in together)

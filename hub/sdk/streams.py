"""What the hub has to say to others, by stream, and which topics that is for one sink of connectors.yaml. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hub.model.base import SystemId
from hub.model.outputs import CaseChange, DeadlineEvent, Order, Receipt, Reply
from hub.topics import CASES, DEADLINES, city_replies, dept_orders, dept_receipts

EVERY = "*"


class Stream(StrEnum):
    """One kind of what leaves the hub."""

    ORDERS = "orders"
    RECEIPTS = "receipts"
    REPLIES = "replies"
    CASES = "cases"
    """Every change of every case."""
    NOTICES = "notices"
    """What clocks say: warned, breached, met."""


SUBJECTS = {
    Order.subject(): Stream.ORDERS,
    Receipt.subject(): Stream.RECEIPTS,
    Reply.subject(): Stream.REPLIES,
    CaseChange.subject(): Stream.CASES,
    DeadlineEvent.subject(): Stream.NOTICES,
}
_OF_DEPARTMENTS = {Stream.ORDERS: dept_orders, Stream.RECEIPTS: dept_receipts}
_OF_THE_HUB = {Stream.CASES: CASES.name, Stream.NOTICES: DEADLINES.name}
_EVERY = {
    Stream.ORDERS: r"dept\.[^.]+\.orders",
    Stream.RECEIPTS: r"dept\.[^.]+\.receipts",
    Stream.REPLIES: r"city\.[^.]+\.replies",
}


class SinkSpec(BaseModel):
    """One sink: what it takes, and what it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(
        description="webhook, sql, open311, files, own (the sink.py of `connector`), or one that a package brings"
    )
    connector: str | None = Field(None, description="of kind own: the connector whose folder has the sink.py")
    departments: tuple[SystemId, ...] | Literal["*"] = Field((), description='whose orders and receipts; "*" for all')
    sources: tuple[SystemId, ...] | Literal["*"] = Field((), description='whose replies; "*" for all')
    take: frozenset[Stream] = Field(
        frozenset(), description="orders, receipts, replies, cases, notices; else all that departments and sources get"
    )
    begin: Literal["start", "now"] = Field("start", description="the first time: with what is there, or what comes")
    budget_hours: float = Field(72.0, gt=0, description="how long one delivery is tried before it is set aside")
    settings: dict[str, Any] = Field({}, description="of the kind; secrets as env:NAME or file:PATH")

    @field_validator("departments", "sources", mode="before")
    @classmethod
    def _one_is_a_list(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) and given != EVERY else given

    @model_validator(mode="after")
    def _takes_something(self) -> SinkSpec:
        for stream in self.take:
            if stream in _OF_DEPARTMENTS and not self.departments:
                raise ValueError(f'it takes {stream} and names no departments; list them, or "*"')
            if stream is Stream.REPLIES and not self.sources:
                raise ValueError('it takes replies and names no sources; list them, or "*"')
        if not self.streams:
            raise ValueError("it takes nothing: name departments, sources, or cases and notices under `take`")
        return self

    @property
    def streams(self) -> frozenset[Stream]:
        if self.take:
            return self.take
        by_department = frozenset(_OF_DEPARTMENTS) if self.departments else frozenset()
        return by_department | (frozenset((Stream.REPLIES,)) if self.sources else frozenset())

    def topics(self, namespace: str) -> list[str]:
        """Names on the broker; a name that begins with ^ is a regular expression over them, in librdkafka's writing."""
        return sorted(set(self._topics(namespace)))

    def _topics(self, namespace: str) -> Iterator[str]:
        for stream in self.streams:
            if stream in _OF_THE_HUB:
                yield namespace + _OF_THE_HUB[stream]
                continue
            named = self.sources if stream is Stream.REPLIES else self.departments
            if named == EVERY:
                yield f"^{re.escape(namespace)}{_EVERY[stream]}$"
            else:
                topic = city_replies if stream is Stream.REPLIES else _OF_DEPARTMENTS[stream]
                yield from (namespace + topic(each).name for each in named)

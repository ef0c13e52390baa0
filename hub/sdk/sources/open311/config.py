"""What a source of GeoReport v2 is told."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from hub.millis import ms_of
from hub.open311.documents import DocumentFormat
from hub.sdk.mapping.specs import known_zone
from hub.sdk.mapping.times import require_formats
from hub.sdk.secrets import Secret
from hub.sdk.sources.http.config import CallsConfig

MOST_WINDOW_DAYS = 90
"""Of one call, by the specification (GeoReport v2, GET Service Requests)."""


class Open311Config(CallsConfig):
    """One jurisdiction of one endpoint. `base_url` is what stands before /requests.xml."""

    format: DocumentFormat = Field(DocumentFormat.XML, description="xml, which every server has, or json")
    jurisdiction_id: str = Field("", description="where several jurisdictions share the endpoint")
    api_key: Secret | None = Field(None, description="sent as the parameter api_key")
    time_zone: str = Field("UTC", description="of times that do not say")
    time_formats: tuple[str, ...] = Field(
        ("iso", "ymd", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y"),
        description="how the server writes times: iso, ymd, epoch_s, epoch_ms, strptime patterns",
    )
    start: str | None = Field(None, description="ISO time from which a first run reads; null: look_back_days ago")
    overlap_minutes: float = Field(10, ge=0, description="read again before where the last sweep ended")
    look_back_days: float = Field(90, gt=0, description="requests of so many days are looked through for changes")
    look_back_minutes: float = Field(60, gt=0, description="and how often")
    late_hours: float = Field(
        48, ge=0, description="so long after the time that it says a request or a change may appear"
    )
    window_days: float = Field(30, gt=0, le=MOST_WINDOW_DAYS, description="of one call")
    most_items: int = Field(
        1000, ge=2, description="as many as the server gives without paging; a stretch with as many is halved"
    )
    dates: Literal["iso", "date", "none"] = Field(
        "iso", description="how start_date is written; none: the server knows no dates and gives its newest"
    )
    page_param: str | None = Field("page", description="null: the server has no pages")
    page_size_param: str | None = "page_size"
    page_size: int = Field(100, ge=2, le=10_000)
    changed_params: tuple[str, str] | None = Field(
        None, description="where the server can be asked by updated_datetime: [updated_after, updated_before]"
    )
    updates: bool = Field(False, description="the server has /servicerequestupdates (mySociety's extension)")
    ids_per_call: int = Field(
        50, ge=1, le=500, description="requests that are asked for by id at once; 1: each by its own address"
    )

    @field_validator("time_formats")
    @classmethod
    def _formats_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        require_formats(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return known_zone(value)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.start is not None and datetime.fromisoformat(self.start).tzinfo is None:
            raise ValueError("start: give the time with its offset, like 2026-01-06T00:00:00+08:00")
        if self.auth is not None and self.api_key is not None and getattr(self.auth, "name", "") == "api_key":
            raise ValueError("api_key is given twice; leave one of api_key and auth out")
        return self

    @property
    def start_ms(self) -> int | None:
        return None if self.start is None else ms_of(datetime.fromisoformat(self.start))

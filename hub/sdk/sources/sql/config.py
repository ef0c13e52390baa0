"""What a source of SQL is told."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator
from sqlalchemy.engine import URL, make_url

from hub.sdk.access.databases import DatabaseUrl
from hub.sdk.contract import Config
from hub.sdk.mapping.specs import known_zone
from hub.sdk.secrets import Secret


class SqlConfig(Config):
    """One table or view. A query of one's own is a view of the database.

    A cursor alone loses rows: of two transactions the later number may be committed first. So either an overlap is read again, or,
    on PostgreSQL, rows are read behind the horizon of open transactions, by a column `xid8 DEFAULT pg_current_xact_id()` that a
    trigger sets anew at each change.
    """

    url: DatabaseUrl = Field(
        description="postgresql+psycopg://user@host/database or sqlite:///path, without a password"
    )
    password: Secret | None = None
    table: str = Field(description="table or view, with its schema if it needs one: city.requests")
    columns: tuple[str, ...] = Field((), description="those that are read; without them all")
    cursor: str = Field(description="column that grows with each change: a time, a serial number, or an xid8")
    key: tuple[str, ...] = Field(
        min_length=1, description="columns that make a row one: they part rows of equal cursor"
    )
    overlap_minutes: float | None = Field(
        None, gt=0, description="of a cursor that is a time: read again before the newest"
    )
    overlap_numbers: int | None = Field(
        None, gt=0, description="of a cursor that is a number: read again before the newest"
    )
    behind_horizon: bool = Field(
        False, description="PostgreSQL: the cursor is an xid8, and no open transaction is overtaken"
    )
    time_zone: str = Field("UTC", description="of times of the cursor that do not say")
    every_seconds: float = Field(30, gt=0, description="rest between two sweeps")
    once: bool = Field(False, description="one sweep, and done")
    page_rows: int = Field(1000, ge=1, le=100_000)
    timeout_seconds: float = Field(60, gt=0, description="for one page")

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return known_zone(value)

    @model_validator(mode="after")
    def _loses_nothing(self) -> Self:
        given = [self.overlap_minutes is not None, self.overlap_numbers is not None, self.behind_horizon]
        if sum(given) != 1:
            raise ValueError(
                "give one of overlap_minutes, overlap_numbers, behind_horizon: a cursor alone loses what is committed late"
            )
        if self.behind_horizon and self.address.get_backend_name() != "postgresql":
            raise ValueError("behind_horizon is PostgreSQL's; elsewhere give an overlap")
        return self

    @property
    def address(self) -> URL:
        url = make_url(self.url)
        if (
            url.get_backend_name() == "sqlite"
            and url.database
            and url.database != ":memory:"
            and "mode" not in url.query
        ):
            # to read is to change nothing: neither is a file made where there is none
            return url.set(database=f"file:{url.database}", query={**url.query, "mode": "ro", "uri": "true"})
        return url.set(password=self.password.get_secret_value()) if self.password else url

"""What a source of alerts is told: a folder into which they are put, or an address at which they are published."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hub.sdk.access.paths import LocalPath
from hub.sdk.contract import Config
from hub.sdk.sources.http.config import CallsConfig


class Folder(BaseModel):
    """Files *.xml and *.cap. Nothing in it is moved or changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: LocalPath
    every_seconds: float = Field(5, gt=0, description="rest between two looks")
    once: bool = Field(False, description="what is there, and done")
    settle_seconds: float = Field(5, ge=0, description="so long a document without an end may be one in writing")


class AlertFeed(CallsConfig):
    """One alert, or a list of links to alerts in Atom or RSS."""

    path: str = Field("/", pattern=r"^/[^?#]*$", description="behind base_url")


def _short(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class CapConfig(Config):
    """Give `folder` or `feed`."""

    folder: Annotated[Folder, BeforeValidator(_short)] | None = None
    feed: AlertFeed | None = None
    languages: tuple[str, ...] = Field(
        (),
        description="of an alert in several, the first of these that there is, else the first there is: zh-CN, en-US",
    )
    max_alert_bytes: int = Field(1024 * 1024, ge=1024, le=16 * 1024 * 1024, description="a longer one is set aside")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.folder is None) == (self.feed is None):
            raise ValueError("give folder or feed")
        return self

    @property
    def once(self) -> bool:
        return bool((self.folder and self.folder.once) or (self.feed and self.feed.once))

    @property
    def every_seconds(self) -> float:
        place = self.folder or self.feed
        return place.every_seconds if place else 0.0

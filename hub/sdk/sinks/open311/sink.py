"""Replies to reports that came from another city's Open311, posted there as updates of its requests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode

from pydantic import AfterValidator, Field

from hub.errors import FatalError
from hub.open311.documents import MAX_DOCUMENT_BYTES, POSTED_UPDATES, SERVICES, DocumentFormat, ErrorsError, raw_records
from hub.open311.errors import UnreadableError
from hub.sdk.access.paths import LocalPath
from hub.sdk.contract import Config
from hub.sdk.errors import ConfigurationError, TransientError
from hub.sdk.secrets import Secret
from hub.sdk.sink_contract import Answer, Delivery, DeliveryBatch, Later, Never, Sink, SinkContext
from hub.sdk.sinks.addresses import networks
from hub.sdk.sinks.caller import Caller, judge
from hub.sdk.sinks.open311.updates import update_form
from hub.sdk.streams import Stream

_MOST_SECONDS = 7 * 86_400.0
_MOST_REMEMBERED = 10_000
_FORM = "application/x-www-form-urlencoded; charset=utf-8"


def _address(text: str) -> str:
    try:
        Caller(text).close()
    except FatalError as error:
        raise ValueError(str(error)) from None
    if "?" in text:
        raise ValueError("give what is behind the question mark under params")
    return text.rstrip("/")


def _networks(listed: tuple[str, ...]) -> tuple[str, ...]:
    try:
        networks(listed)
    except FatalError as error:
        raise ValueError(str(error)) from None
    return listed


class Open311SinkSettings(Config):
    """One jurisdiction of one endpoint. `base_url` is what stands before /servicerequestupdates.xml."""

    base_url: Annotated[str, AfterValidator(_address)] = Field(description="https://HOST/PATH")
    path: str = Field("/servicerequestupdates", pattern=r"^/[^?#]*$", description="of updates, behind base_url")
    format: DocumentFormat = DocumentFormat.XML
    jurisdiction_id: str = ""
    api_key: Secret
    params: dict[str, str] = Field({}, description="more fields of each update, as the city asks for them")
    statuses: dict[str, str] = Field(
        {},
        description="kind of a reply (accepted, responded, resolved, ...) to the status that the city knows; else OPEN or CLOSED",
    )
    unclear_seconds: Annotated[tuple[Annotated[float, Field(gt=0, le=_MOST_SECONDS)], ...], Field(max_length=20)] = (
        Field(
            (60.0, 300.0, 900.0, 3600.0),
            description="how long to wait after a 400 or 404, time by time, as either may also mean that something behind it is "
            "down; then the update is set aside",
        )
    )
    allow: Annotated[tuple[str, ...], AfterValidator(_networks)] = Field(
        (), description="networks that calls may go to though not public, also by http"
    )
    ca: LocalPath | None = Field(None, description="certificates (PEM) to trust, else public authorities'")


class Open311Sink(Sink):
    """One city. An update has the id of its reply, so a city that was told twice knows it by that."""

    Config = Open311SinkSettings
    parallel: ClassVar[int] = 4

    def __init__(self, config: Any, context: SinkContext) -> None:
        super().__init__(config, context)
        self._updates: Caller | None = None
        self._unclear: dict[str, int] = {}
        """How often deliveries were answered so that nobody knows."""

    def check(self) -> str:
        return f"the city answers with {len(self._services())} services; nothing was sent"

    def connect(self) -> None:
        if other := sorted(self.context.streams - {Stream.REPLIES}):
            raise ConfigurationError(
                f"a sink of kind open311 takes replies, and not {', '.join(other)}: name sources only"
            )
        self._opened()

    def _opened(self) -> Caller:
        if self._updates is None:
            self._updates = self._caller(f"{self.config.path}.{self.config.format}")
        return self._updates

    def _caller(self, path: str) -> Caller:
        try:
            return Caller(f"{self.config.base_url}{path}", networks(self.config.allow), self.config.ca)
        except FatalError as error:
            raise ConfigurationError(str(error)) from error

    def write(self, batch: DeliveryBatch) -> Sequence[Answer]:
        return [self._post(each) for each in batch.deliveries]

    def close(self) -> None:
        if self._updates is not None:
            self._updates.close()
            self._updates = None

    # -- one update ----------------------------------------------------------------------------------------------------------------

    def _post(self, delivery: Delivery) -> Answer:
        if delivery.stream is not Stream.REPLIES:
            return Never("it is no reply")
        form = {**self.config.params, **self._endpoint(), **update_form(delivery, self.config.statuses)}
        form["api_key"] = self.config.api_key.get_secret_value()
        heard = self._opened().call(urlencode(form).encode(), {"Content-Type": _FORM})
        status = heard.status if heard.status != 200 else _status_in(heard.body)
        if status in (400, 404):
            return self._judge_unclear(delivery, status)
        answer = judge(status, heard.retry_after, time.time())
        if answer is None:
            self._unclear.pop(delivery.id, None)
        return answer

    def _endpoint(self) -> dict[str, str]:
        return {"jurisdiction_id": self.config.jurisdiction_id} if self.config.jurisdiction_id else {}

    def _judge_unclear(self, delivery: Delivery, status: int) -> Answer:
        """A request that is not known is about this delivery; an address that is wrong is about all."""
        if status == 404 and not self._unclear.get(delivery.id):
            self._services()
        tries = self._unclear.get(delivery.id, 0) + 1
        if len(self._unclear) >= _MOST_REMEMBERED:
            self._unclear.clear()
        self._unclear[delivery.id] = tries
        why = f"the city answered {status}"
        if tries <= len(self.config.unclear_seconds):
            return Later(why, self.config.unclear_seconds[tries - 1])
        del self._unclear[delivery.id]
        return Never(f"{why}, {tries} times")

    def _services(self) -> list[Any]:
        """Raises TransientError if the city cannot be reached at this address, or does not answer as GeoReport."""
        caller = self._caller(
            f"/services.{self.config.format}" + (f"?{urlencode(self._endpoint())}" if self._endpoint() else "")
        )
        try:
            heard = caller.call(None, {}, MAX_DOCUMENT_BYTES)
        finally:
            caller.close()
        try:
            if heard.status == 200:
                return raw_records(SERVICES, heard.body)
        except (UnreadableError, ErrorsError):
            pass
        raise TransientError(
            f"GET /services answered {heard.status} and no list of services: is base_url right, and jurisdiction_id?"
        )


def _status_in(body: bytes) -> int:
    """Of an answer with 200: that of the errors in it, if it is one of errors. What else stands there is not looked at."""
    try:
        raw_records(POSTED_UPDATES, body)
    except ErrorsError as error:
        codes = [each.code[:3] for each in error.errors]
        return next(
            (int(each) for each in codes if each in ("400", "401", "403", "404", "410", "429", "500", "503")), 400
        )
    except UnreadableError:
        pass
    return 200

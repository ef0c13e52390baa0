"""The calls of GeoReport v2, each with what its answer means. No error quotes what the server wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn
from urllib.parse import quote

import httpx2

from hub.millis import DAY_MS
from hub.open311.documents import (
    DEFINITION,
    DISCOVERY,
    POSTED_DOCUMENT,
    REQUESTS,
    SERVICES,
    UPDATES_DOCUMENT,
    DocumentFormat,
    DocumentShape,
    ErrorsError,
    raw_records,
)
from hub.open311.errors import UnreadableError
from hub.open311.models import Discovery, Posted, Service, ServiceDefinition, iso_of
from hub.sdk.errors import AuthError, ConfigurationError, TransientError
from hub.sdk.sources.http.client import HttpClient, HttpReply
from hub.sdk.sources.open311.config import Open311Config
from hub.sdk.sources.open311.sweeps import Sweep, SweepKind

_MOST_UNCLEAR = 5
"""A 400 is tried so often: the specification also has it for a back-end that is down."""


class NotThereError(ConfigurationError):
    """The server answers 404: it has no such service, request, token, jurisdiction or call."""


class UnclearError(TransientError):
    """The server answers 400, which may be our fault or its own."""


class GeoReport:
    """One jurisdiction of one endpoint. Opened by the first call after `close`."""

    def __init__(self, config: Open311Config) -> None:
        self._config = config
        self._client: _Client | None = None
        self._unclear = 0

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def seconds_to_wait(self) -> float:
        """Until the budget has a call again."""
        return self._opened.seconds_to_wait()

    def page(self, sweep: Sweep) -> tuple[HttpReply, list[Any]]:
        """The page of requests, or of updates, at which a sweep stands: as the dictionaries that they are.

        Raises TransientError, AuthError, ConfigurationError, PermanentError, as all calls here.
        """
        shape, path = (
            (UPDATES_DOCUMENT, "/servicerequestupdates") if sweep.kind is SweepKind.UPDATES else (REQUESTS, "/requests")
        )
        return self._get(path, shape, self._window(sweep) | self._page(sweep))

    def requests(self, ids: Sequence[str]) -> list[Any]:
        """Requests by id; those that the server does not know are not among them."""
        calls, named = [("/requests", {"service_request_id": ",".join(ids)})], ""
        if self._config.ids_per_call == 1:
            calls, named = [(f"/requests/{quote(each, safe='')}", {}) for each in ids], "/requests/{id}"
        found: list[Any] = []
        for path, params in calls:
            try:
                found += self._get(path, REQUESTS, params, named)[1]
            except NotThereError:
                continue
        return found

    def id_of(self, token: str) -> str:
        """The id that a token has become; empty as long as there is none."""
        try:
            found = self._get(f"/tokens/{quote(token, safe='')}", POSTED_DOCUMENT, {}, "/tokens/{token}")[1]
        except NotThereError:
            return ""
        return Posted.model_validate(found[0]).service_request_id if found and isinstance(found[0], dict) else ""

    def services(self) -> list[Service]:
        found = self._get("/services", SERVICES, {})[1]
        return [Service.model_validate(each) for each in found if isinstance(each, dict)]

    def definition(self, service_code: str) -> ServiceDefinition:
        """What is asked of who reports. Raises NotThereError for a service without one."""
        found = self._get(f"/services/{quote(service_code, safe='')}", DEFINITION, {}, "/services/{code}")[1]
        return ServiceDefinition.model_validate(found[0])

    def discovery(self) -> Discovery:
        return Discovery.model_validate(self._get("/discovery", DISCOVERY, {})[1][0])

    # -- parameters ----------------------------------------------------------------------------------------------------------------

    def _window(self, sweep: Sweep) -> dict[str, str]:
        changed, dates = self._config.changed_params, self._config.dates
        if sweep.kind is SweepKind.CHANGED and changed is not None:
            names = changed
        elif dates == "none" and sweep.kind is not SweepKind.UPDATES:
            return {}
        else:
            names = ("start_date", "end_date")
        if dates == "date":  # of a date as an end nobody knows whether it counts
            return {names[0]: iso_of(sweep.at)[:10], names[1]: iso_of(sweep.until + DAY_MS)[:10]}
        return {names[0]: iso_of(sweep.at), names[1]: iso_of(sweep.until)}

    def _page(self, sweep: Sweep) -> dict[str, str]:
        config = self._config
        if config.page_param is None:
            return {}
        sized = {config.page_size_param: str(config.page_size)} if config.page_size_param else {}
        return {config.page_param: str(sweep.page + 1)} | sized

    def _own(self) -> dict[str, str | int]:
        config = self._config
        found = dict(config.params)
        if config.jurisdiction_id:
            found["jurisdiction_id"] = config.jurisdiction_id
        if config.api_key is not None:
            found["api_key"] = config.api_key.get_secret_value()
        return found

    # -- one call ------------------------------------------------------------------------------------------------------------------

    def _get(
        self, path: str, shape: DocumentShape[Any], params: dict[str, str], named: str = ""
    ) -> tuple[HttpReply, list[Any]]:
        """`named`: what errors call a path of which the system wrote a part: that may be a person's number."""
        suffix = f".{self._config.format}"
        named = f"{named or path}{suffix}"
        where = f"GET {named}"
        try:
            reply = self._opened.get(f"{path}{suffix}", {**self._own(), **params}, named)
            found = raw_records(shape, reply.body, reply.charset)
        except UnreadableError as error:
            raise TransientError(f"{where}: {error}: it was cut off, or is another page") from None
        except ErrorsError as error:
            self._refused(where, [each.code for each in error.errors])
        except UnclearError as error:
            self._tell_unclear(where, error)
        self._unclear = 0
        return reply, found

    def _refused(self, where: str, codes: list[str]) -> NoReturn:
        """Errors with status 200. Their codes begin as statuses of HTTP do."""
        said = f"{where} answers with errors"
        kinds = {code[:3] for code in codes}
        if kinds & {"401", "403"}:
            raise AuthError(f"{said} of 403: the api_key is not taken; renew it")
        if "404" in kinds:
            raise NotThereError(f"{said} of 404: look at base_url and jurisdiction_id")
        self._tell_unclear(where, UnclearError(said))

    def _tell_unclear(self, where: str, error: UnclearError) -> NoReturn:
        self._unclear += 1
        if self._unclear < _MOST_UNCLEAR:
            raise error
        raise ConfigurationError(
            f"{where} answers with 400, time and again: look at jurisdiction_id, dates, page_param and params, or ask who runs it"
        ) from error

    @property
    def _opened(self) -> _Client:
        if self._client is None:
            self._client = _Client(self._config.model_copy(update={"headers": _accepting(self._config)}))
        return self._client


class _Client(HttpClient):
    """As of any HTTP, but a 400 may pass, and a 404 is told apart."""

    def require_well(self, response: httpx2.Response, where: str) -> None:
        if response.status_code == 400:
            raise UnclearError(f"{where} answered 400")
        if response.status_code == 404:
            raise NotThereError(f"{where} answered 404: look at base_url and jurisdiction_id")
        super().require_well(response, where)


def _accepting(config: Open311Config) -> dict[str, str]:
    return {"Accept": "text/xml" if config.format is DocumentFormat.XML else "application/json"} | config.headers

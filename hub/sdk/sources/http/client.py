"""One call to a system, with every way in which it can fail as an error that says what happens next. No error quotes an address
with its parameters, or what the system wrote: secrets and persons stand there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx2

from hub.clock import wall_ms
from hub.millis import datetime_of, ms_of
from hub.sdk.errors import AuthError, ConfigurationError, PermanentError, TransientError
from hub.sdk.sources.http.config import Basic, BearerAuth, CallAuth, CallsConfig, ClientCredentials, HeaderAuth, Query

logging.getLogger("httpx2").setLevel(
    logging.WARNING
)  # also where no command of ours set up logs: addresses have secrets
_WHOLE_SHARE = 10
"""A call that drips is given up after so many times its time-out."""
_WAITS = {408, 425, 429}
_REFUSES = {401, 403, 407}
_EARLY_SECONDS = 30.0
_TOKEN_SECONDS = 300.0


class HttpReply(NamedTuple):
    """An answer with status 200: its bytes, the encoding it says it has, its header `Link`, and the system's time in ms."""

    body: bytes
    charset: str
    link: str
    at_ms: int


class HttpClient:
    """Calls one system, never faster than its budget."""

    def __init__(self, config: CallsConfig, now: Callable[[], float] = time.monotonic) -> None:
        self._config, self._now = config, now
        self._gap = 60.0 / config.calls_per_minute
        self._next_at = 0.0
        self._token: tuple[str, float] | None = None
        self._client = httpx2.Client(
            timeout=config.timeout_seconds,
            follow_redirects=False,
            headers={"Accept": "application/json", "User-Agent": "cityhub", **config.headers},
            limits=httpx2.Limits(max_connections=2, max_keepalive_connections=1),
            trust_env=False,
        )

    def seconds_to_wait(self) -> float:
        """Until the budget has a call again."""
        return max(0.0, self._next_at - self._now())

    def get(self, target: str, params: dict[str, str | int], named: str | None = None) -> HttpReply:
        """`named`: what errors call a target that another system wrote, as it may be about a person; else they quote its path.

        Raises TransientError, AuthError, ConfigurationError, PermanentError.
        """
        fetched, where = self._token, f"GET {named or target.partition('?')[0]}"
        try:
            return self._get(target, params, where)
        except AuthError:
            if fetched is None:
                raise
            return self._get(target, params, where)  # a token that was taken back early: with another

    def _get(self, target: str, params: dict[str, str | int], where: str) -> HttpReply:
        self._next_at = max(self._next_at, self._now()) + self._gap
        try:
            headers, secret = self._credentials()
            address = f"{self._config.base_url}{target}" if target.startswith("/") else target
            url = httpx2.URL(address).copy_merge_params(
                {**params, **secret}
            )  # an address that was given has a query of its own
            with self._client.stream("GET", url, headers=headers) as response:
                self.require_well(response, where)
                body = self._body(response, where)
                at = _date_ms(response.headers.get("Date"))
                link = response.headers.get("Link", "")
                return HttpReply(body, response.charset_encoding or "utf-8", link, at)
        except httpx2.TimeoutException as error:
            raise TransientError(f"{where}: no answer within {self._config.timeout_seconds:g} s") from error
        except httpx2.RemoteProtocolError as error:
            raise TransientError(f"{where}: the answer was cut off") from error
        except httpx2.TransportError as error:
            raise TransientError(f"{where}: cannot be reached ({type(error).__name__})") from error
        except httpx2.DecodingError as error:  # of a gateway between, as a rule
            raise TransientError(f"{where}: the answer is not packed as its Content-Encoding says") from error
        except httpx2.InvalidURL as error:
            raise ConfigurationError(f"{where}: {type(error).__name__}; look at base_url and path") from error

    def close(self) -> None:
        self._client.close()

    def _body(self, response: httpx2.Response, where: str) -> bytes:
        most, until = self._config.max_body_bytes, self._now() + _WHOLE_SHARE * self._config.timeout_seconds
        found = bytearray()
        for block in response.iter_bytes():
            found += block
            if len(found) > most:
                raise ConfigurationError(f"{where}: the answer has more than {most:,} bytes; ask for smaller pages")
            if self._now() > until:
                raise TransientError(f"{where}: the answer came too slowly")
        return bytes(found)

    def require_well(self, response: httpx2.Response, where: str) -> None:
        """Raises what an answer without what was asked for means."""
        status = response.status_code
        if status == 200:
            return
        said = f"{where} answered {status}"
        if status in _REFUSES:
            self._token = None
            raise AuthError(f"{said}: the credentials are not taken; renew them")
        if status == 410:
            raise PermanentError(f"{said}: it is gone for good; ask who runs the system for its new address")
        if status in _WAITS or status >= 500:
            raise TransientError(said, wait_seconds=retry_after(response.headers.get("Retry-After")))
        if 300 <= status < 400:
            raise ConfigurationError(
                f"{said}: it moved; give the new address as base_url and path (redirects are not followed)"
            )
        raise ConfigurationError(f"{said}: look at base_url, path and params")

    # -- credentials ---------------------------------------------------------------------------------------------------------------

    def _credentials(self) -> tuple[dict[str, str], dict[str, str | int]]:
        """Headers and parameters."""
        auth: CallAuth | None = self._config.auth
        if isinstance(auth, BearerAuth):
            return {"Authorization": f"Bearer {auth.token.get_secret_value()}"}, {}
        if isinstance(auth, Basic):
            basic = httpx2.BasicAuth(auth.user, auth.password.get_secret_value())
            request = next(basic.auth_flow(httpx2.Request("GET", self._config.base_url)))
            return {"Authorization": request.headers["Authorization"]}, {}
        if isinstance(auth, HeaderAuth):
            return {auth.name: auth.value.get_secret_value()}, {}
        if isinstance(auth, Query):
            return {}, {auth.name: auth.value.get_secret_value()}
        if isinstance(auth, ClientCredentials):
            return {"Authorization": f"Bearer {self._fetched(auth)}"}, {}
        return {}, {}

    def _fetched(self, auth: ClientCredentials) -> str:
        """The token, fetched anew if it is over, or was refused."""
        if self._token is not None and self._now() < self._token[1]:
            return self._token[0]
        form = {"grant_type": "client_credentials"} | ({"scope": auth.scope} if auth.scope else {})
        pair = (auth.client_id, auth.client_secret.get_secret_value())
        response = self._client.post(auth.token_url, data=form, auth=pair)
        if response.status_code in (400, 401, 403):
            raise AuthError(
                f"the token service answered {response.status_code}: it does not take client_id and client_secret"
            )
        self.require_well(response, "POST token_url")
        try:
            content = response.json()
            token, seconds = str(content["access_token"]), float(content.get("expires_in", _TOKEN_SECONDS))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise TransientError("the token service's answer holds no access_token") from error
        self._token = (token, self._now() + max(0.0, seconds - _EARLY_SECONDS))
        return token


def retry_after(header: str | None, now_ms: Callable[[], int] = wall_ms) -> float | None:
    """How long the header `Retry-After` asks to wait, as seconds or as a date (RFC 9110, 10.2.3); None if it does not."""
    if not header:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header.strip())
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # an hour of twenty digits
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - now_ms() / 1000)


def _date_ms(header: str | None) -> int:
    """The system's time, as it says; ours, if it does not."""
    try:
        at = parsedate_to_datetime(header or "")
    except (ValueError, OverflowError):
        return wall_ms()
    return ms_of(at)


def iso_utc(at_ms: int) -> str:
    return datetime_of(at_ms).isoformat(timespec="seconds").replace("+00:00", "Z")

"""The provider: where it says that its pages are, its keys, and what a code comes to. What it says is believed only when its token
is signed by one of its keys, by an algorithm of ours, for us, now, and for this very login."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hub.errors import FatalError
from hub.settings import Settings
from hub.web.access.accounts import User
from hub.web.access.oidc.claims import RoleMap

log = logging.getLogger(__name__)
ALGORITHMS = ("RS256", "PS256", "ES256")
"""By which a token may be signed; whatever it says of itself."""
_LEEWAY_SECONDS = 60
_WAIT_SECONDS = 10.0
_FRESH_SECONDS = 600.0
_UNHEARD = ("https://", "http://127.0.0.1:", "http://localhost:", "http://[::1]:")
_DISCOVERY = "/.well-known/openid-configuration"


class LoginRefusedError(Exception):
    """Nobody is logged in; says why, and quotes nothing that was sent."""


class LoginAttempt(NamedTuple):
    """What one login is known by: each is random, and serves once."""

    state: str
    nonce: str
    verifier: str
    after: str


class _Known(NamedTuple):
    """What the provider says of itself."""

    read_at: float
    authorize: str
    token: str
    keys: KeySet


class Provider:
    """One provider. `transport`: in place of the network."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: str | None, roles: RoleMap, claims: tuple[str, str],
        context: ssl.SSLContext | None = None, transport: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`claims`: which says the name, and which the groups."""
        self.issuer = issuer.rstrip("/")
        self._issuer, self._client_id, self._secret = issuer, client_id, client_secret
        self._roles, self._claims, self._now = roles, claims, now
        self._options: dict[str, Any] = {
            "timeout": _WAIT_SECONDS, "verify": context or True, "transport": transport,
            "trust_env": False,  # neither a proxy of the environment nor a .netrc comes between the hub and who vouches
        }  # fmt: skip
        self._known: _Known | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """None where no provider is named. Raises FatalError for roles that are none."""
        if settings.oidc_issuer is None or settings.oidc_client_id is None:
            return None
        secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None
        context = ssl.create_default_context(cafile=settings.oidc_ca) if settings.oidc_ca else None
        claims = settings.oidc_name_claim, settings.oidc_roles_claim
        return cls(
            settings.oidc_issuer, settings.oidc_client_id, secret,
            RoleMap(settings.oidc_roles or ""), claims, context,
        )  # fmt: skip

    async def address(self, attempt: LoginAttempt, back: str) -> str:
        """Where the browser is sent; it comes back to `back`. Raises LoginRefusedError if the provider is away."""
        known = await self._look()
        async with self._client(back) as client:
            url, _ = client.create_authorization_url(
                known.authorize, state=attempt.state, code_verifier=attempt.verifier, nonce=attempt.nonce
            )
        return str(url)

    async def user(self, attempt: LoginAttempt, code: str, back: str) -> User:
        """Who it is that came back with a code. Raises LoginRefusedError."""
        known = await self._look()
        try:
            async with self._client(back) as client:
                token = await client.fetch_token(known.token, code=code, code_verifier=attempt.verifier)
        except (AuthlibBaseError, httpx2.HTTPError, ValueError) as error:
            raise _refused("the provider does not take its code back", error) from None
        claims = await self._claims_of(token.get("id_token"), attempt.nonce)
        try:
            return self._roles.user_of(claims, *self._claims)
        except FatalError as error:
            raise LoginRefusedError(str(error)) from None

    async def _claims_of(self, text: Any, nonce: str) -> dict[str, Any]:
        if not isinstance(text, str):
            raise LoginRefusedError("the provider says nothing of who it is")
        try:
            found = await self._signed(text)
            self._rules(nonce).validate(found.claims)
        except (JoseError, ValueError) as error:
            raise _refused("the provider's word cannot be believed", error) from None
        _require_meant(found.claims, self._client_id)
        return found.claims

    async def _signed(self, text: str) -> jwt.Token:
        """With keys read anew where those that are known do not fit: providers change theirs."""
        try:
            return jwt.decode(text, (await self._look()).keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            return jwt.decode(text, (await self._look(anew=True)).keys, algorithms=ALGORITHMS)

    def _rules(self, nonce: str) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=lambda: int(self._now()), leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer}, aud={"essential": True, "value": self._client_id},
            sub={"essential": True}, exp={"essential": True}, iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )  # fmt: skip

    async def _look(self, *, anew: bool = False) -> _Known:
        known = self._known
        if known is None or time.monotonic() - known.read_at > (_LEEWAY_SECONDS if anew else _FRESH_SECONDS):
            try:
                known = self._known = await self._read()
            except (httpx2.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
                raise _refused("the provider cannot be asked", error) from None
        return known

    async def _read(self) -> _Known:
        async with httpx2.AsyncClient(**self._options) as client:
            said = (await client.get(self.issuer + _DISCOVERY)).raise_for_status().json()
            if said["issuer"] != self._issuer:
                raise ValueError("it names another issuer")
            authorize, token, keys = (said[name] for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"))
            if not all(str(url).startswith(_UNHEARD) for url in (authorize, token, keys)):
                raise ValueError("https only")
            found = (await client.get(keys)).raise_for_status().json()
        return _Known(time.monotonic(), authorize, token, KeySet.import_key_set(found))

    def _client(self, back: str) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self._client_id, self._secret, scope="openid profile", redirect_uri=back, code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self._secret else "none", **self._options,
        )  # fmt: skip


def _require_meant(claims: dict[str, Any], client_id: str) -> None:
    """Of a token for several it says which of them asked for it. Raises LoginRefusedError."""
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise LoginRefusedError("the provider's word is for another")


def _refused(why: str, error: Exception) -> LoginRefusedError:
    """XXX: texts of these errors may quote a token: the log has their kind alone."""
    log.warning("a login by the provider is refused: %s (%s)", why, type(error).__name__)
    return LoginRefusedError(why)

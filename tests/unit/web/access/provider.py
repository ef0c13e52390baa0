"""A provider of OpenID Connect for tests, which can also lie: each of its lies is one that a client must not believe."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

ISSUER, CLIENT, SECRET = "https://id.example", "cityhub", "a secret of the client's"
_KEY, _OTHER = (RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"}) for _ in range(2))
_NEXT = RSAKey.generate_key(2048, {"kid": "2", "use": "sig", "alg": "RS256"})


class FalseProvider:
    """`changes`: claims that it gives in the place of the true ones (None: not at all); `lie`: how it signs."""

    def __init__(self) -> None:
        self.changes: dict[str, Any] = {}
        self.lie = ""
        self.discovered: dict[str, Any] = {}
        self.is_away = False
        self._codes: dict[str, dict[str, str]] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/keys", self._keys),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    def sign_in(self, address: str) -> dict[str, str]:
        """What somebody does who was sent to `address`: the query with which the browser comes back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code{len(self._codes)}"
        self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": ISSUER}

    async def _discovery(self, _: Request) -> JSONResponse:
        ends = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        said = {"issuer": ISSUER, **{name: ISSUER + path for name, path in ends.items()}}
        return JSONResponse(said | self.discovered, 503 if self.is_away else 200)

    async def _keys(self, _: Request) -> JSONResponse:
        keys = [_KEY, _NEXT] if self.lie == "changed key" else [_KEY]
        return JSONResponse(KeySet(keys).as_dict(private=False))

    async def _token(self, request: Request) -> JSONResponse:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        )
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        is_known = request.headers.get("authorization") == f"Basic {basic}"
        if (
            asked is None
            or not is_known
            or challenge != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER, "aud": CLIENT, "sub": "7", "exp": now + 600, "iat": now, "nonce": asked.get("nonce"),
            "preferred_username": "wang", "groups": ["duty"],
        }  # fmt: skip
        claims = {name: value for name, value in (claims | self.changes).items() if value is not None}
        found = {"access_token": "x", "token_type": "Bearer", "id_token": self._signed(claims)}
        return JSONResponse(
            {name: value for name, value in found.items() if not (self.lie == "no token" and name == "id_token")}
        )

    def _signed(self, claims: dict[str, Any]) -> str:
        header: dict[str, Any] = {"alg": "RS256", "kid": "1"}
        match self.lie:
            case "other key":
                return jwt.encode(header, claims, _OTHER)
            case "changed key":
                return jwt.encode(header | {"kid": "2"}, claims, _NEXT)
            case "unknown key":
                return jwt.encode(header | {"kid": "2"}, claims, _NEXT)
            case "none":
                return f"{_part({'alg': 'none'})}.{_part(claims)}."
            case "public key as secret":
                secret = OctKey.import_key(_KEY.as_pem(private=False))
                return jwt.encode({"alg": "HS256", "kid": "1"}, claims, secret, algorithms=["HS256"])
            case "changed payload":
                head, _, signature = jwt.encode(header, claims, _KEY).split(".")
                return f"{head}.{_part(claims | {'groups': ['it']})}.{signature}"
            case "not a token":
                return "x.y.z"
        return jwt.encode(header, claims, _KEY)


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

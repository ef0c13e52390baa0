"""Logging in by a provider: what it truly says lets in, and none of its lies does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from hub.clock import wall_ms
from hub.errors import FatalError
from hub.serving import PortLimits, Server, app_of
from hub.settings import Settings, SettingsError
from hub.web.access.accounts import EVERYBODY, Role
from hub.web.access.file import AccessFile
from hub.web.access.guard import COOKIE, Access
from hub.web.access.login import LoginPages
from hub.web.access.oidc.attempts import ATTEMPT_MS, LoginAttempts
from hub.web.access.oidc.claims import RoleMap
from hub.web.access.oidc.pages import OidcPages
from hub.web.access.oidc.provider import LoginAttempt, Provider
from hub.web.access.sessions import WebSession
from tests.unit.web.access.cheap import cheap_passwords
from tests.unit.web.access.provider import CLIENT, ISSUER, SECRET, FalseProvider

_ROLES = "duty=dispatcher; it=operator; Roads crew=department:roads; Water crew=department:water"


class Browser:
    """Somebody before the web, and the provider behind it."""

    def __init__(self, access: Access) -> None:
        async def shown(_: Request, session: WebSession) -> Response:
            return PlainTextResponse(
                f"{session.user.name} {' '.join(sorted(session.user.roles))} {session.user.department}"
            )

        self.access, self.provider = access, FalseProvider()
        transport = httpx2.ASGITransport(app=self.provider.app)
        claims = "preferred_username", "groups"
        ours = Provider(ISSUER, CLIENT, SECRET, RoleMap(_ROLES), claims, transport=transport)
        routes = [
            *LoginPages(access, "other").routes,
            *OidcPages(access, ours).routes,
            access.page("/wall", shown, EVERYBODY),
        ]
        self._app = app_of(routes)
        self.client = self.another()

    def another(self) -> TestClient:
        return TestClient(self._app, base_url="https://hub.example", client=("203.0.113.7", 1), follow_redirects=False)

    def set_out(self) -> dict[str, str]:
        answer = self.client.get("/login/oidc", params={"after": "/wall?x=1"})
        assert answer.headers["location"].startswith(f"{ISSUER}/authorize?")
        return self.provider.sign_in(answer.headers["location"])

    def come_back(self, query: dict[str, str]) -> Response:
        return self.client.get("/login/oidc/back", params=query)

    def log_in(self) -> Response:
        return self.come_back(self.set_out())


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    access = Access(AccessFile(tmp_path / "access.sqlite"), cheap_passwords())
    yield Browser(access)
    access.close()


def test_who_the_provider_vouches_for_is_let_in_with_their_groups_roles(browser: Browser) -> None:
    assert browser.log_in().headers["location"] == "/wall?x=1"
    assert browser.client.get("/wall").text == "oidc:wang dispatcher None"
    (row,) = browser.access.sessions.all()
    assert (row.name, row.outside) == ("oidc:wang", ISSUER)
    browser.access.sessions.revoke("a test", name="oidc:wang")
    assert browser.client.get("/wall").status_code == 303
    assert "login/oidc" in browser.client.get("/login").text


def test_groups_come_to_roles_and_a_department(browser: Browser) -> None:
    browser.provider.changes = {"groups": ["duty", "Roads crew", "others"]}
    browser.log_in()
    assert browser.client.get("/wall").text == "oidc:wang department dispatcher roads"


_LONG_AGO, _NOT_YET = 1_000_000_000, 4_000_000_000  # no clock: all processes of a run must find the same tests
_LIES: list[dict[str, Any]] = [
    {"iss": "https://evil.example"}, {"iss": None}, {"aud": "another"}, {"aud": None}, {"aud": ["another"]},
    {"aud": [CLIENT, "another"]}, {"aud": [CLIENT, "another"], "azp": "another"}, {"azp": "another"},
    {"exp": _LONG_AGO}, {"exp": None}, {"exp": "soon"}, {"iat": _NOT_YET}, {"iat": None}, {"nbf": _NOT_YET},
    {"nonce": "of another login"}, {"nonce": None}, {"sub": None}, {"groups": []}, {"groups": None}, {"groups": {"duty": 1}},
    {"groups": ["Roads crew", "Water crew"]}, {"preferred_username": None}, {"preferred_username": ""},
    {"preferred_username": "a\nb"}, {"preferred_username": ["wang"]}, {"preferred_username": "x" * 500},
]  # fmt: skip


@pytest.mark.parametrize("changes", _LIES, ids=str)
def test_a_word_that_is_not_for_this_login_lets_nobody_in(browser: Browser, changes: dict[str, Any]) -> None:
    browser.provider.changes = changes
    assert browser.log_in().status_code == 403
    assert COOKIE not in browser.client.cookies
    assert browser.access.sessions.all() == []


@pytest.mark.parametrize(
    "lie", ["other key", "unknown key", "none", "public key as secret", "changed payload", "not a token", "no token"]
)
def test_a_forged_word_lets_nobody_in(browser: Browser, lie: str) -> None:
    browser.provider.lie = lie
    assert browser.log_in().status_code == 403
    assert COOKIE not in browser.client.cookies


def test_a_key_that_the_provider_has_changed_is_fetched(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.log_in()
    monkeypatch.setattr("hub.web.access.oidc.provider._LEEWAY_SECONDS", -1)
    now = int(time.time())
    browser.provider.changes = {"exp": now + 3600, "iat": now - 10}
    browser.provider.lie = "changed key"
    assert browser.log_in().status_code == 303


def test_a_login_serves_once_and_in_one_browser(browser: Browser) -> None:
    query = browser.set_out()
    own, browser.client = browser.client, browser.another()
    assert browser.come_back(query).status_code == 403, "another browser is led to somebody else's login"
    browser.client = own
    assert browser.come_back(query).status_code == 303
    assert browser.come_back(query).status_code == 403, "a state that comes again"
    assert browser.come_back({"code": "x"}).status_code == 403
    assert browser.come_back(browser.set_out() | {"state": "x"}).status_code == 403
    assert browser.come_back(browser.set_out() | {"iss": "https://evil.example"}).status_code == 403
    assert browser.come_back(browser.set_out() | {"code": "of another"}).status_code == 403


def test_a_login_on_its_way_is_taken_once_by_its_browser_and_not_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = AccessFile(tmp_path / "access.sqlite")
    attempts = LoginAttempts(file)
    attempt, binding = attempts.begin("/wall")
    other, other_binding = attempts.begin("/wall")
    assert attempts.take(attempt.state, other_binding) is None
    assert attempts.take(attempt.state, binding) == attempt
    assert attempts.take(attempt.state, binding) is None
    later_ms = wall_ms() + ATTEMPT_MS + 1
    monkeypatch.setattr("hub.web.access.oidc.attempts.wall_ms", lambda: later_ms)
    assert attempts.take(other.state, other_binding) is None
    file.close()


def test_a_code_that_comes_again_is_refused_by_the_nonce_and_the_verifier(browser: Browser) -> None:
    first, second = browser.set_out(), browser.set_out()
    assert browser.come_back(second | {"code": first["code"]}).status_code == 403


@pytest.mark.parametrize(
    "discovered",
    [{"issuer": "https://evil.example"}, {"token_endpoint": "http://id.example/token"}, {"jwks_uri": None}],
)
def test_a_provider_that_says_it_is_another_is_not_asked(browser: Browser, discovered: dict[str, Any]) -> None:
    browser.provider.discovered = discovered
    assert browser.client.get("/login/oidc").status_code == 403


def test_a_provider_that_is_away_is_said_and_local_users_are_not_held_up(browser: Browser) -> None:
    browser.provider.is_away = True
    assert "cannot be asked" in browser.client.get("/login/oidc").text
    assert browser.client.get("/login").status_code == 200


@pytest.mark.parametrize("text", ["", ";", "duty", "duty=king", "=viewer", "duty=viewer:roads", "duty=department"])
def test_what_is_no_map_of_roles_is_said(text: str) -> None:
    with pytest.raises(FatalError):
        RoleMap(text)


def test_a_group_may_have_a_sign_of_equality() -> None:
    claims = {"name": "li", "groups": ["cn=duty,dc=city"]}
    assert RoleMap("cn=duty,dc=city=viewer").user_of(claims, "name", "groups").roles == {Role.VIEWER}


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": ISSUER},
        {"oidc_issuer": "http://id.example", "oidc_client_id": CLIENT, "oidc_roles": _ROLES},
        {"oidc_roles": _ROLES},
    ],
)
def test_settings_of_half_a_provider_are_said(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="CITYHUB_OIDC_ISSUER"):
        Settings.from_env({}, **given)
    whole = Settings.from_env(
        {}, oidc_issuer=ISSUER, oidc_client_id=CLIENT, oidc_client_secret=SECRET, oidc_roles=_ROLES
    )
    assert Provider.from_settings(whole) is not None
    assert Provider.from_settings(Settings.from_env({})) is None


def test_no_proxy_of_the_environment_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    false = FalseProvider()
    with Server(false.app, "127.0.0.1", 0, PortLimits(8, 60.0), "provider") as server:
        here = f"http://127.0.0.1:{server.port}"
        ends = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        false.discovered = {"issuer": here, **{name: here + path for name, path in ends.items()}}
        ours = Provider(here, CLIENT, SECRET, RoleMap(_ROLES), ("preferred_username", "groups"))
        address = asyncio.run(ours.address(LoginAttempt("state", "nonce", "v" * 43, "/"), "https://hub.example/back"))
        assert address.startswith(f"{here}/authorize?")

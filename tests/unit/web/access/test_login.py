"""Logging in: what the browser gets, who is let in for how long, and what is told to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from hub.errors import FatalError
from hub.serving import app_of
from hub.web.access.accounts import EVERYBODY, Role, User, password_fault
from hub.web.access.chain import AuditedAct, export_lines, verified
from hub.web.access.file import AccessFile
from hub.web.access.guard import COOKIE, Access
from hub.web.access.login import LoginPages, inside
from hub.web.access.passwords import Passwords
from hub.web.access.sessions import IDLE_MS, LONGEST_MS, LONGEST_VIEWER_MS, Sessions, WebSession
from hub.web.access.trail import note_acts, trail_entries
from hub.web.rate import CallRate
from tests.unit.web.access.cheap import CountingHasher, cheap_passwords

_ONE_TIME, _OWN = "one-time-word", "a-whole-new-word-1"
_NEVER = 1e-6
"""Calls a second: whatever the burst is, nothing comes after it however long the test takes."""


@pytest.fixture
def access(tmp_path: Path) -> Iterator[Access]:
    access = Access(AccessFile(tmp_path / "access.sqlite"), cheap_passwords())
    yield access
    access.close()


def browser(access: Access, *, https: bool = True, address: str = "203.0.113.7", burst: int = 20) -> TestClient:
    async def shown(_: Request, session: WebSession) -> Response:
        return PlainTextResponse(f"{session.user.name} {session.csrf}")

    login = LoginPages(access, by_address=CallRate(burst, _NEVER), by_name=CallRate(10, _NEVER))
    routes = [*login.routes, access.page("/wall", shown, EVERYBODY), access.page("/", shown, EVERYBODY)]
    base = f"http{'s' * https}://hub.example"
    return TestClient(app_of(routes), base_url=base, client=(address, 1), follow_redirects=False)


def added(access: Access, name: str = "li", *roles: Role) -> None:
    access.users.add(User(name, frozenset(roles or {Role.DISPATCHER})), access.passwords.hashed(_ONE_TIME), "a test")


def log_in(client: TestClient, name: str = "li", password: str = _ONE_TIME, after: str = "/wall") -> Response:
    return client.post("/login", data={"name": name, "password": password, "after": after})


def settled(access: Access, client: TestClient) -> None:
    """Logged in with a password of their own."""
    access.users.set_password("li", access.passwords.hashed(_OWN), "a test", must_change=False)
    assert log_in(client, password=_OWN).headers["location"] == "/wall"


def test_a_one_time_password_lets_in_to_choose_another_and_no_further(access: Access) -> None:
    added(access)
    client = browser(access)
    assert log_in(client).headers["location"] == "/password"
    assert client.get("/wall").headers["location"] == "/password"
    page = client.get("/password").text
    token = page.partition("name='csrf' value='")[2].partition("'")[0]
    fields = {"csrf": token, "old": _ONE_TIME, "new": _OWN, "again": _OWN}
    assert client.post("/password", data=fields | {"csrf": "x"}).status_code == 403
    assert client.post("/password", data=fields | {"old": "x"}).status_code == 401
    assert client.post("/password", data=fields | {"again": "x"}).status_code == 422
    assert client.post("/password", data=fields | {"new": _ONE_TIME, "again": _ONE_TIME}).status_code == 422
    assert client.post("/password", data=fields).status_code == 303
    assert client.get("/wall").text.startswith("li ")
    assert log_in(browser(access)).status_code == 401
    assert log_in(browser(access), password=_OWN).status_code == 303


def test_the_cookie_says_nothing_and_is_kept_nowhere(access: Access, tmp_path: Path) -> None:
    added(access)
    for https in (True, False):
        client = browser(access, https=https, address="127.0.0.1")
        settled(access, client)
        (cookie,) = client.cookies.jar
        assert (cookie.name, cookie.secure, cookie.path) == (COOKIE, https, "/")
        said = log_in(client, password=_OWN).headers["set-cookie"].lower()
        assert "httponly" in said
        assert "samesite=lax" in said
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert cookie.value is not None
    assert cookie.value.encode() not in kept
    assert _OWN.encode() not in kept


def test_an_unknown_name_is_told_what_a_wrong_password_is(access: Access) -> None:
    added(access)
    added(access, "gone", Role.OPERATOR)
    added(access, "left")
    access.users.set_disabled("left", disabled=True, by="a test")
    hasher = CountingHasher()
    access.passwords = Passwords(hasher)
    found = [
        log_in(browser(access), name, word)
        for name, word in (("li", "wrong"), ("nobody", "wrong"), ("left", _ONE_TIME))
    ]
    assert len({(answer.status_code, answer.text) for answer in found}) == 1
    assert found[0].status_code == 401
    assert hasher.verified == 3, "a password is hashed for each, so that none is answered sooner"


def test_a_password_that_is_changed_ends_sessions_elsewhere_and_is_not_guessed_there_either(access: Access) -> None:
    added(access)
    here, elsewhere = browser(access, burst=100), browser(access)
    settled(access, elsewhere)
    assert log_in(here, password=_OWN).status_code == 303
    fields = {"csrf": here.get("/wall").text.partition(" ")[2], "new": "yet-another-word", "again": "yet-another-word"}
    assert here.post("/password", data=fields | {"old": _OWN}).status_code == 303
    assert here.get("/wall").status_code == 200
    assert elsewhere.get("/wall").headers["location"].startswith("/login")
    fields["csrf"] = here.get("/wall").text.partition(" ")[2]
    tries = [here.post("/password", data=fields | {"old": f"guess {number}"}).status_code for number in range(10)]
    assert tries.count(401) <= 10 - tries.count(429) < 10


def test_who_tries_too_often_waits_by_address_and_by_name(access: Access) -> None:
    client = browser(access, burst=5)
    found = [log_in(client, f"name{number}").status_code for number in range(7)]
    assert found == [401] * 5 + [429] * 2
    client = browser(access, burst=100)
    assert [log_in(client, "nobody").status_code for _ in range(12)] == [401] * 10 + [429] * 2
    added(access)
    assert log_in(client).status_code == 303, "others are let in"


def test_a_password_does_not_go_over_a_network_in_the_clear(access: Access) -> None:
    added(access)
    assert log_in(browser(access, https=False)).status_code == 403
    assert log_in(browser(access, https=False, address="127.0.0.1")).status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://hub.example"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://other.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "https://hub.example"}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"}, 303),
    ],
)
def test_another_site_logs_nobody_in(access: Access, headers: dict[str, str], status: int) -> None:
    added(access)
    answer = browser(access).post("/login", data={"name": "li", "password": _ONE_TIME}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "after",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\t//x",
        "",
        "wall",
        "/" * 3,
        "//[",
        "http://[",
    ],
)
def test_nobody_is_led_elsewhere(after: str) -> None:
    assert inside(after) == "/"
    assert inside("/wall?x=1") == "/wall?x=1"


def test_sessions_end_by_logging_out_by_an_operator_and_with_their_user(access: Access) -> None:
    added(access)
    added(access, "root", Role.OPERATOR)
    client = browser(access)
    for end in (
        lambda: client.post("/logout", data={"csrf": client.get("/wall").text.partition(" ")[2]}),
        lambda: access.sessions.revoke("a test", session_id=access.sessions.all()[0].id),
        lambda: access.sessions.revoke("a test", name="li"),
        lambda: access.users.set_disabled("li", disabled=True, by="a test"),
    ):
        settled(access, client)
        session = access.sessions.find(client.cookies[COOKIE])
        assert session is not None
        assert access.is_alive(session)
        end()
        assert not access.is_alive(session)
        client.cookies.set(COOKIE, "x")
        assert client.get("/wall").headers["location"].startswith("/login")
        client.cookies.clear()


def test_a_logout_from_elsewhere_is_refused(access: Access) -> None:
    added(access)
    client = browser(access)
    settled(access, client)
    assert client.post("/logout", data={"csrf": "x"}).status_code == 403
    assert client.get("/wall").status_code == 200


def test_what_a_user_may_is_asked_anew_each_time(access: Access) -> None:
    added(access)
    text = access.sessions.begin(User("li", frozenset({Role.DISPATCHER})), "127.0.0.1")
    added(access, "root", Role.OPERATOR)
    access.users.set_roles(User("li", frozenset({Role.VIEWER})), "a test")
    session = access.sessions.find(text)
    assert session is not None
    assert session.user.roles == {Role.VIEWER}


def test_a_session_ends_when_idle_and_in_any_case(tmp_path: Path) -> None:
    file, now = AccessFile(tmp_path / "access.sqlite"), [0]
    sessions = Sessions(file, lambda: now[0])
    for role, longest in ((Role.OPERATOR, LONGEST_MS), (Role.VIEWER, LONGEST_VIEWER_MS)):
        now[0] = 0
        user = User("li", frozenset({role}))
        idle, busy = (sessions.begin(user, "127.0.0.1", outside="a test") for _ in range(2))
        while now[0] + IDLE_MS < longest:
            now[0] += IDLE_MS
            session = sessions.find(busy)
            assert session is not None
            sessions.see(session)
        now[0] = min(now[0], longest)
        assert sessions.find(busy) is not None
        assert sessions.find(idle) is None
        now[0] = longest + 1
        assert sessions.find(busy) is None
    file.close()


def test_the_last_operator_stays(access: Access) -> None:
    added(access, "root", Role.OPERATOR)
    with pytest.raises(FatalError, match="nobody would be left"):
        access.users.set_disabled("root", disabled=True, by="a test")
    with pytest.raises(FatalError, match="nobody would be left"):
        access.users.set_roles(User("root", frozenset({Role.VIEWER})), "a test")
    local = access.users.find("root")
    assert local is not None
    assert (local.disabled_ms, local.user.roles) == (None, {Role.OPERATOR})


def test_who_did_what_is_in_the_trail(access: Access, tmp_path: Path) -> None:
    added(access)
    settled(access, browser(access))
    file = AccessFile(tmp_path / "access.sqlite")
    entries = list(trail_entries(file))
    assert [(entry.who, entry.act.what, entry.act.subject) for entry in entries] == [
        ("a test", "user.add", "li"), ("a test", "user.password", "li"), ("li", "session.begin", "li"),
    ]  # fmt: skip
    assert verified(export_lines(entries)).entries == 3
    with pytest.raises(FatalError, match="only added to"), file.writing() as connection:
        connection.execute("update trail set who = 'nobody'")
    with pytest.raises(FatalError, match="only added to"), file.writing() as connection:
        connection.execute("delete from trail")
    with pytest.raises(FatalError, match="at most"), file.writing() as connection:
        note_acts(connection, "li", [AuditedAct("case.assign", "C1"), AuditedAct("case.assign", "C" * 200_000)])
    assert len(list(trail_entries(file))) == 3, "what was taken back was never noted"
    file.close()


def test_an_act_is_noted_before_it_is_done_and_that_it_failed(access: Access, tmp_path: Path) -> None:
    acts = [AuditedAct("case.assign", "C1", {"department": "roads"}, {"department": "water"})]

    async def act(divisor: int) -> None:
        async with access.acting("li", acts):
            assert 1 // divisor

    with pytest.raises(ZeroDivisionError):
        asyncio.run(act(0))
    asyncio.run(act(1))
    file = AccessFile(tmp_path / "access.sqlite")
    assert [entry.act.what for entry in trail_entries(file)] == ["case.assign", "case.assign.failed", "case.assign"]
    file.close()


@pytest.mark.parametrize(
    ("new", "good"),
    [
        ("short", False),
        ("a" * 20, False),
        ("xxli-2026-spring", False),
        ("a-long-enough-word", True),
        ("x" * 300, False),
    ],
)
def test_what_can_be_a_password(new: str, good: bool) -> None:
    assert (password_fault("li", "before", new) is None) is good

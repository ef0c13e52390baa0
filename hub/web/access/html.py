"""The pages of logging in, in both languages at once: no script, one style sheet of our own, and the font of the board."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from starlette.responses import HTMLResponse, Response

from hub.web.access.accounts import Role

STYLE = """
body{font:16px/1.5 'Noto Sans SC Variable',system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;color:#16202f;
background:#f3f5f9;max-width:26rem;margin:12vh auto;padding:0 1rem}
main{background:#fff;border:1px solid #d5dce8;border-top:.35rem solid #12305c;border-radius:.6rem;padding:1.5rem 1.75rem 1.75rem}
h1{font-size:1.5rem;margin:0}
label{display:block;margin:1rem 0 .25rem}
input{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;border:1px solid #595959;border-radius:4px}
button,a.button{font:inherit;display:inline-block;margin-top:1.25rem;padding:.5rem 1.25rem;border:0;border-radius:4px;
background:#1b4f9c;color:#fff;text-decoration:none;cursor:pointer}
:focus-visible{outline:3px solid #b35900;outline-offset:2px}
.fault{border-left:4px solid #b00020;padding-left:.75rem}
"""
ROLE_NAMES = {
    Role.VIEWER: "viewer 看板", Role.DISPATCHER: "dispatcher 派单员", Role.DEPARTMENT: "department 部门人员",
    Role.SUPERVISOR: "supervisor 督办", Role.OPERATOR: "operator 运维",
}  # fmt: skip
_FONT = "board/static/vendor/noto-sans-sc/index.css"
"""That of the board, which anybody may read: a screen of its own on a wall may have no Chinese font."""
_LOGIN = "Log in 登录"
_OWN = "Choose a password of your own 设置您的密码"


def login_page(
    after: str, fault: str = "", status: int = 200, *, outside: str | None = None, prefix: str = ""
) -> Response:
    """`after`: where to go then; `outside`: what the other way in is called, if there is one."""
    hidden, place = f"<input type='hidden' name='after' value='{escape(after)}'>", f"{escape(prefix)}/"
    other = (
        f"<p><a class='button' href='{place}login/oidc?after={quote(after)}'>{escape(outside)}</a></p>"
        if outside
        else ""
    )
    fields = _field("name", "Name 用户名", "username") + _field("password", "Password 密码", "current-password")
    return _page(_LOGIN, _form(f"{place}login", fault, hidden + fields, _LOGIN) + other, status, place)


def password_page(name: str, csrf: str, fault: str = "", status: int = 200) -> Response:
    """For who is logged in."""
    hidden = (
        f"<input type='hidden' name='csrf' value='{escape(csrf)}'>"
        f"<input type='hidden' name='username' autocomplete='username' value='{escape(name)}'>"
    )
    fields = (
        _field("old", "Password until now 原密码", "current-password")
        + _field("new", "New password, 12 characters or more 新密码（至少 12 个字符）", "new-password")
        + _field("again", "The same again 再次输入", "new-password")
    )
    leave = _form("logout", "", f"<input type='hidden' name='csrf' value='{escape(csrf)}'>", "Log out 退出")
    return _page(_OWN, _form("password", fault, hidden + fields, "Save 保存") + leave, status)


def refused_page(roles: Iterable[Role], prefix: str) -> Response:
    """For who is logged in and may not. `prefix` is the request's `root_path`."""
    wanted = ", ".join(ROLE_NAMES[role] for role in sorted(roles))
    body = (
        f"<p class='fault'>This page is for 本页仅限: {wanted}.</p><p><a href='{escape(prefix)}/login'>{_LOGIN}</a></p>"
    )
    return _page("Not for you 无权限", body, 403, prefix + "/")


def _form(action: str, fault: str, fields: str, button: str) -> str:
    said = f"<p class='fault' role='alert'>{escape(fault)}</p>" if fault else ""
    return f"<form method='post' action='{action}'>{said}{fields}<button>{button}</button></form>"


def _field(name: str, label: str, fills: str) -> str:
    kind = "text" if fills == "username" else "password"
    return (
        f"<label for='{name}'>{label}</label>"
        f"<input id='{name}' name='{name}' type='{kind}' autocomplete='{fills}' maxlength='200' required>"
    )


def _page(title: str, body: str, status: int, place: str = "") -> Response:
    head = (
        "<meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{title} · CityHub</title>"
        f"<link rel='stylesheet' href='{escape(place)}{_FONT}'><link rel='stylesheet' href='{escape(place)}login.css'>"
    )
    html = f"<!doctype html><html lang='zh'><head>{head}</head><body><main><h1>{title}</h1>{body}</main></body></html>"
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})

"""`cityhub user` and `cityhub session`: people who may log in to `cityhub web`, and who is logged in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.table import Table

from hub.cli.terminal.options import with_settings
from hub.clock import iso
from hub.errors import FatalError
from hub.policy import load_city
from hub.screen import Screen, say, say_json
from hub.settings import Settings
from hub.web.access.accounts import Role, User, checked_user
from hub.web.access.file import opened_file
from hub.web.access.passwords import Passwords, one_time_password
from hub.web.access.sessions import Sessions
from hub.web.access.trail import operator_name
from hub.web.access.users import Users

_roles = click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice([str(role) for role in Role]), help="May be given again."
)  # fmt: skip
_department = click.option("--department", metavar="ID", help="Whose cases they see; goes with the role department.")


_WIDTH = 150
"""Where there is no terminal to ask."""


@contextmanager
def _opened(settings: Settings) -> Iterator[Users]:
    with opened_file(settings) as file:
        yield Users(file)


@click.group()
def user() -> None:
    """Users 用户: people who log in to `cityhub web`. Programs come with tokens: `cityhub web token`."""


@user.command()
@click.argument("name")
@_roles
@_department
@with_settings
def add(settings: Settings, name: str, roles: tuple[str, ...], department: str | None) -> None:
    """Add somebody, and print the password with which they log in once, to choose their own."""
    found = _checked(settings, name, roles, department)
    password = one_time_password()
    with _opened(settings) as users:
        users.add(found, Passwords().hashed(password), operator_name())
    say(password)


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@with_settings
def list_command(settings: Settings, as_json: bool) -> None:
    """Who there is, and what they may."""
    with _opened(settings) as users:
        rows = [
            {"name": each.user.name, **each.shown, "made": iso(each.made_ms)[:19], "must_change": each.must_change}
            for each in users.all()
        ]
    if as_json:
        say_json(rows, indent=2)
        return
    table = Table("name 用户名", "roles 角色", "department 部门", "made 创建", "disabled 停用", show_edge=False)
    for row in rows:
        table.add_row(
            row["name"], ", ".join(row["roles"]), row["department"] or "", row["made"], "yes 是" * row["disabled"]
        )
    _wide().print(table)


@user.command()
@click.argument("name")
@with_settings
def disable(settings: Settings, name: str) -> None:
    """Let somebody in no more 停用; their sessions end."""
    with _opened(settings) as users:
        users.set_disabled(name, disabled=True, by=operator_name())
    say(f"{name} is let in no more 已停用")


@user.command()
@click.argument("name")
@with_settings
def enable(settings: Settings, name: str) -> None:
    """Let somebody in again 启用, with the password that they had."""
    with _opened(settings) as users:
        users.set_disabled(name, disabled=False, by=operator_name())
    say(f"{name} may log in again 已启用")


@user.command("password")
@click.argument("name")
@with_settings
def password_command(settings: Settings, name: str) -> None:
    """Print another password for somebody, with which they log in once; their sessions end."""
    password = one_time_password()
    with _opened(settings) as users:
        users.set_password(name, Passwords().hashed(password), operator_name(), must_change=True)
    say(password)


@user.command("role")
@click.argument("name")
@_roles
@_department
@with_settings
def role_command(settings: Settings, name: str, roles: tuple[str, ...], department: str | None) -> None:
    """Give somebody these roles in the place of those they have 变更角色. Counts from their next call on."""
    found = _checked(settings, name, roles, department)
    with _opened(settings) as users:
        users.set_roles(found, operator_name())
    say(f"{name}: {', '.join(sorted(found.roles))}")


def _checked(settings: Settings, name: str, roles: tuple[str, ...], department: str | None) -> User:
    found = checked_user(name, roles, department)
    known = load_city(settings.city).departments
    if department is not None and department not in known:
        raise FatalError(f"there is no department {department!r}; there are {', '.join(sorted(known))}")
    return found


@click.group()
def session() -> None:
    """Sessions 会话: who is logged in to `cityhub web`."""


@session.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@with_settings
def sessions_command(settings: Settings, as_json: bool) -> None:
    """The sessions that let somebody in, the newest first."""
    with opened_file(settings) as file:
        rows = [_session_row(row._asdict()) for row in Sessions(file).all()]
    if as_json:
        say_json(rows, indent=2)
        return
    table = Table("id", "name 用户名", "by 认证", "began 登录", "seen 最近", "until 到期", "from 来自", show_edge=False)
    for row in rows:
        table.add_row(*(str(value or "") for value in row.values()))
    _wide().print(table)


def _wide() -> Screen:
    console = Screen()
    return console if console.is_terminal else Screen(width=_WIDTH)


def _session_row(row: dict[str, Any]) -> dict[str, Any]:
    """Times to the second: ids are not to be cut off for milliseconds."""
    return {name.removesuffix("_ms"): iso(value)[:19] if name.endswith("_ms") else value for name, value in row.items()}


@session.command()
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--user", "name", help="All sessions of this user.")
@with_settings
def revoke(settings: Settings, session_id: str | None, name: str | None) -> None:
    """End a session 吊销, or all of a user. ID is as `session list` shows it."""
    if (session_id is None) == (name is None):
        raise click.UsageError("name a session, or a user by --user")
    with opened_file(settings) as file:
        ended = Sessions(file).revoke(operator_name(), session_id=session_id, name=name)
    say(f"{ended} ended 已结束")

"""`cityhub acl`: which rights each part of the hub needs at Kafka, and gives it those."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import click
from rich.table import Table

from hub.broker.guarded.files import write_private
from hub.cli.terminal.options import with_settings
from hub.errors import FatalError
from hub.policy import load_city
from hub.screen import Screen, say, say_json
from hub.sdk.manifest import discover
from hub.settings import Settings, secret_in
from hub.stream.admin.acls import Acls, RightsDifference
from hub.stream.admin.rights import Right, roles
from hub.topics import OWN_SOURCE
from hub.web.access.chain import AuditedAct
from hub.web.access.trail import note_command

_WIDTH = 150
_PASSWORD_BYTES = 24


@click.command()
@click.option("--role", "chosen", metavar="ROLE", multiple=True, help="Only this one; may be repeated.  [all]")
@click.option(
    "--user", "users", metavar="ROLE=USER", multiple=True,
    help="Who logs in as a role: agent.route=hub. Two roles may have one user. May be repeated.  [the role's name]",
)  # fmt: skip
@click.option("--apply", "apply", is_flag=True, help="Grant what is lacking 授权.")
@click.option("--revoke", is_flag=True, help="Take away what these users have of this hub beyond that 收回.")
@click.option(
    "--passwords", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Make a password for each user that has none, in FOLDER/USER.password, for you alone to read.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="For machines: one JSON array.")
@with_settings
def acl(
    settings: Settings,
    chosen: tuple[str, ...],
    users: tuple[str, ...],
    apply: bool,
    revoke: bool,
    passwords: Path | None,
    as_json: bool,
) -> None:
    """Print the least rights 最小权限 of each connector, agent, department, of who looks on and who operates. --apply grants them.

    `worker` is a worker with all three agents. Without --apply, --revoke or --passwords no Kafka is asked. Say it again after a
    source or a department was added: what is not granted is not there for whoever asks.
    """
    needs = _needs(settings, chosen)
    names = _users(users, needs)
    wanted = _by_user(needs, names)
    if as_json:
        say_json([_shown(role, names[role], rights) for role, rights in needs.items()], indent=2)
    elif not (apply or revoke or passwords):
        _print(needs, names)
    if passwords is not None:
        _make_passwords(Acls(settings), wanted, passwords)
    if apply or revoke:
        what = {"users": sorted(wanted), "apply": apply, "revoke": revoke}
        note_command(settings, AuditedAct("acl.apply", settings.topic(""), None, what))
        _put_right(Acls(settings), wanted, apply=apply, revoke=revoke)


def _needs(settings: Settings, chosen: Collection[str]) -> dict[str, frozenset[Right]]:
    needs = roles(settings, dict.fromkeys([*discover(), OWN_SOURCE]), load_city(settings.city).departments)
    if strangers := [role for role in chosen if role not in needs]:
        raise FatalError(f"there is no role {strangers[0]!r}; there are {', '.join(needs)}")
    return {role: rights for role, rights in needs.items() if not chosen or role in chosen}


def _users(given: Iterable[str], needs: Mapping[str, object]) -> dict[str, str]:
    """Who logs in, by role."""
    users = {role: role for role in needs}
    for each in given:
        role, _, user = each.partition("=")
        if role not in needs or not user:
            raise FatalError(f"--user {each}: say ROLE=USER, with a role of {', '.join(needs)}")
        if "/" in user:
            raise FatalError(f"--user {each}: a user's name is a file's name too, without a slash")
        users[role] = user
    return users


def _by_user(needs: Mapping[str, frozenset[Right]], users: Mapping[str, str]) -> dict[str, frozenset[Right]]:
    found: dict[str, frozenset[Right]] = {}
    for role, rights in needs.items():
        found[users[role]] = found.get(users[role], frozenset()) | rights
    return found


def _shown(role: str, user: str, rights: Iterable[Right]) -> dict[str, object]:
    return {"role": role, "user": user, "rights": [right._asdict() for right in sorted(rights)]}


def _print(needs: Mapping[str, Iterable[Right]], users: Mapping[str, str]) -> None:
    table = Table("role 角色", "user 用户", "operation 操作", "on", "name 名称", show_edge=False)
    for role, rights in needs.items():
        for right in sorted(rights):
            name = right.name + ("*" if right.prefixed else "")
            table.add_row(role, users[role], str(right.operation), str(right.resource), name)
        table.add_section()
    console = Screen()
    (console if console.is_terminal else Screen(width=_WIDTH)).print(table)


def _make_passwords(acls: Acls, users: Iterable[str], folder: Path) -> None:
    """The file is there before the user: a password that nobody knows would be of no use."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for user in acls.without_password(users):
        file = folder / f"{user}.password"
        if not file.exists():
            write_private(file, secrets.token_urlsafe(_PASSWORD_BYTES).encode())
        acls.set_password(user, _password_in(file))
        say(f"{user}: let in by the password in {file}", err=True)


def _password_in(file: Path) -> str:
    try:
        return secret_in(file)
    except (OSError, ValueError) as error:
        raise FatalError(f"{file} holds no password: {error}; remove it, and another is made") from None


def _put_right(acls: Acls, wanted: Mapping[str, frozenset[Right]], *, apply: bool, revoke: bool) -> None:
    for user, found in acls.differences(wanted).items():
        if apply:
            acls.grant(user, found.lacks)
        if revoke:
            acls.revoke(user, found.extra)
        say(_told(user, found, apply=apply, revoke=revoke), err=True)


def _told(user: str, difference: RightsDifference, *, apply: bool, revoke: bool) -> str:
    parts = [f"{len(difference.lacks)} rights {'granted' if apply else 'lacking'}"]
    if difference.extra:
        parts.append(
            f"{len(difference.extra)} taken away"
            if revoke
            else f"{len(difference.extra)} more than it needs (--revoke)"
        )
    return f"{user}: {', '.join(parts)}"

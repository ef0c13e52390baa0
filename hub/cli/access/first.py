"""The first start of the web makes one user, and says how they log in."""

from __future__ import annotations

import sys

from hub.screen import say
from hub.settings import Settings


def announce_first_user(settings: Settings) -> None:
    """Make the first user, if there is nobody. Their password is shown once, on a terminal; where there is none, a log has the
    name of a file that holds it, for its owner alone to read. For whoever starts a web, before it starts."""
    from hub.web.access.file import access_path, first_password_path, opened_file
    from hub.web.access.first import forget_first_password, make_first_user
    from hub.web.access.users import Users

    path = first_password_path(access_path(settings))
    with opened_file(settings) as file:
        users = Users(file)
        made = make_first_user(users, path)
        if made is None:
            forget_first_password(users, path)
            return
    is_seen = sys.stderr.isatty()
    where = path.read_text("utf-8").strip() if is_seen else f"stands in 见 {path}"
    say(f"first user 首个用户 {made.user.name}, an operator; password, for once 一次性密码: {where}", err=True)
    say("log in at /login and choose another 请登录后修改; more people: `cityhub user add`", err=True)
    if is_seen:
        path.unlink()

"""The demo's board: the ledger and the web beside the worker, and somebody who may log in there."""

from __future__ import annotations

import os
from contextlib import ExitStack

from rich.console import Console

from hub.broker.storage import free_port
from hub.cli.process.children import Child
from hub.settings import Settings
from hub.web.access.accounts import Role, User
from hub.web.access.file import access_path, opened_file
from hub.web.access.passwords import Passwords, one_time_password
from hub.web.access.users import Users

_NAME = "demo"
_BY = "the demo"


class DemoBoard:
    """Started before the worker, so that all topics are there when that begins; `stack` stops it."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._port = free_port()
        self._password = _let_in(settings)
        self._file = access_path(settings).with_name("demo-password")
        logs = settings.state_dir / "logs"
        self._children = [
            Child(name, argv, settings, logs / f"{name}.log")
            for name, argv in (("ledger", ["ledger", "run"]), ("web", ["web", "--port", str(self._port)]))
        ]
        for child in self._children:
            stack.callback(child.stop)

    def announce(self, console: Console) -> None:
        """Where it is. The password is shown on a terminal alone; a log has the name of a file that holds it."""
        if not console.is_terminal:
            self._file.unlink(missing_ok=True)
            with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(f"{self._password}\n")
        where = self._password if console.is_terminal else f"in {self._file}"
        console.print(f"Board 看板 http://127.0.0.1:{self._port}/board   user 用户 {_NAME}, password 密码 {where}", soft_wrap=True,
                      highlight=False)  # fmt: skip

    def must_run(self) -> None:
        """Raises FatalError if a part of it has ended."""
        for child in self._children:
            child.must_run()


def _let_in(settings: Settings) -> str:
    """The password of somebody who may see and say all: for this run, of a hub that is there for nothing else."""
    password, user = one_time_password(), User(_NAME, frozenset({Role.DISPATCHER, Role.OPERATOR}))
    hashed = Passwords().hashed(password)
    with opened_file(settings) as file:
        users = Users(file)
        if users.find(_NAME) is None:
            users.add(user, hashed, _BY)
        users.set_password(_NAME, hashed, _BY, must_change=False)
    return password

"""`python -m ops.checks`: every check, one line for each problem; exits with 1 if there is one."""

import sys

import click

from hub.errors import FatalError
from ops.checks import (
    alarms,
    callers,
    compose,
    contracts,
    kubernetes,
    lifecycle,
    lock,
    personal,
    queries,
    rules,
    settings,
    systemd,
    words,
)

CHECKS = (
    queries, alarms, compose, kubernetes, systemd, lock, contracts, lifecycle, personal, rules, settings, words, callers,
)  # fmt: skip


def main() -> None:
    try:
        found = [problem for check in CHECKS for problem in check.problems()]
    except FatalError as error:
        raise SystemExit(f"error: {error}") from error
    for problem in found:
        click.echo(problem, err=True)
    names = ", ".join(check.__name__.rpartition(".")[2] for check in CHECKS)
    click.echo(f"ops: {len(found)} problems" if found else f"ops: all is sound ({names})")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()

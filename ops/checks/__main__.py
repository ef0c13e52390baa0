"""`python -m ops.checks`: every check, one line for each problem; exits with 1 if there is one."""

import sys

import click

from hub.errors import FatalError
from ops.checks import (
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


def main() -> None:
    try:
        found = [
            *queries.problems(),
            *compose.problems(),
            *contracts.problems(),
            *kubernetes.problems(),
            *lifecycle.problems(),
            *lock.problems(),
            *personal.problems(),
            *rules.problems(),
            *settings.problems(),
            *systemd.problems(),
            *words.problems(),
            *callers.problems(),
        ]
    except FatalError as error:
        raise SystemExit(f"error: {error}") from error
    for problem in found:
        click.echo(problem, err=True)
    click.echo(
        f"ops: {len(found)} problems"
        if found
        else "ops: rules, dashboard, compose files, Kubernetes, units, lock, contracts, drawings, personal fields, flow packs, settings, words and callers "
        "are sound"
    )
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()

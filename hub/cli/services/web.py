"""`cityhub web`: the hub by HTTP, for departments, apps and those who report; and the tokens that let them in."""

from __future__ import annotations

import re
import time
from contextlib import nullcontext
from ipaddress import ip_address, ip_network
from pathlib import Path

import click
from rich.table import Table

from hub.bounds import MAX_SYSTEM_ID_CHARS, SYSTEM_ID
from hub.cli.access.first import announce_first_user
from hub.cli.terminal.options import with_settings
from hub.clock import iso
from hub.errors import FatalError
from hub.logs import log_from
from hub.policy import load_city
from hub.screen import Screen, say, say_json
from hub.sdk.manifest import discover
from hub.serving import PageServer, metrics_page
from hub.settings import Settings
from hub.signals import ended_by_signals

_LOOK_SECONDS = 0.5
PORT = 6080


def _checked_proxy(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    """Not `*`: then anybody would say of himself who he is."""
    if given is None:
        return None
    try:
        return str(ip_network(given)) if "/" in given else str(ip_address(given))
    except ValueError:
        raise click.BadParameter("an IP address, or a network like 10.0.0.0/24") from None


def _checked_prefix(_: click.Context, __: click.Parameter, given: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*/?", given):
        raise click.BadParameter("a path like /city")
    return given.rstrip("/")


@click.group(invoke_without_command=True)
@click.option(
    "--host", default="127.0.0.1", show_default=True, envvar="CITYHUB_FRONT_HOST", help="Address to listen at."
)
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, envvar="CITYHUB_FRONT_PORT")
@click.option(
    "--proxy",
    metavar="ADDRESS",
    callback=_checked_proxy,
    help="Believe what this address (or network) says of whom it calls for: X-Forwarded-For, X-Forwarded-Proto.  [nobody]",
)
@click.option(
    "--prefix",
    metavar="/PATH",
    default="",
    callback=_checked_prefix,
    help="The path under which the proxy shows this; it cuts it off before it calls.  [none]",
)
@click.option(
    "--open311", type=click.Path(exists=True, dir_okay=False, path_type=Path), envvar="CITYHUB_OPEN311",
    help="open311.yaml: services, questions, what is published.  [all categories]",
)  # fmt: skip
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve Prometheus metrics on this port.  [nowhere]")
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Where they are served.")
@with_settings
@click.pass_context
def web(
    context: click.Context,
    settings: Settings,
    host: str,
    port: int,
    proxy: str | None,
    prefix: str,
    open311: Path | None,
    metrics_port: int | None,
    metrics_host: str,
) -> None:
    """Serve departments 部门, Open311 apps and those who report by HTTP, until Ctrl-C. A process of its own, beside the worker.

    It reads the topics from their beginning each time it starts, into a file of its own, and keeps nothing: what it answers with
    2xx is in Kafka. Without TLS: beyond this machine, put a proxy before it that has.
    """
    context.obj = settings
    if context.invoked_subcommand is not None:
        return
    from hub.cli.process.files import watch_files
    from hub.stream.avro.codec import Codec
    from hub.stream.avro.registry import make_registry
    from hub.stream.kafka.known import sources_there
    from hub.web.open311.config import load_open311
    from hub.web.run import Web

    log_from("INFO")
    codec = Codec(make_registry(settings))
    city = load_city(settings.city)
    offers = load_open311(open311, city)
    announce_first_user(settings)
    watch_files(settings)
    with (
        ended_by_signals(),
        nullcontext() if metrics_port is None else PageServer({"/metrics": metrics_page}, metrics_host, metrics_port),
        Web(settings, city, codec, sources_there(settings, discover()), offers, host, port, proxy, prefix) as running,
    ):
        say(f"web 网关 {running.address}   (what it answers: {running.address}/openapi.json)", err=True)
        while running.feed.failed is None:
            time.sleep(_LOOK_SECONDS)
        raise FatalError(f"the topics cannot be read: {running.feed.failed}")


@web.group()
def token() -> None:
    """Tokens 令牌: who may call. The file keeps their digests alone; a running `cityhub web` sees a change within a second."""


@token.command()
@click.argument("holder", metavar="ID")
@click.option("--source", "kind", flag_value="source", help="ID is a source: it may ask where its reports stand.")
@click.option("--open311", "kind", flag_value="open311", help="ID names an app: the token is its `api_key`.")
@click.option("--read-only", is_flag=True, help="It may look, and say nothing.")
@click.pass_obj
def new(settings: Settings, holder: str, kind: str | None, read_only: bool) -> None:
    """Make a token, for a department unless told otherwise, and print it: it is shown this once."""
    from hub.web.run import tokens_file
    from hub.web.tokens import Scope, TokenKind, Tokens

    of = TokenKind(kind or "department")
    known = {TokenKind.DEPARTMENT: set(load_city(settings.city).departments), TokenKind.SOURCE: set(discover())}.get(of)
    if known is not None and holder not in known:
        raise FatalError(f"there is no {of} {holder!r}; there are {', '.join(sorted(known))}")
    if not re.fullmatch(SYSTEM_ID, holder):
        raise FatalError(
            f"{holder!r} names no app: lower-case letters, digits and _ only, at most {MAX_SYSTEM_ID_CHARS}"
        )
    scopes = [Scope.READ] if read_only else [Scope.READ, Scope.WRITE]
    _note(settings, "token.new", holder, {"kind": of, "scopes": scopes})
    say(Tokens(tokens_file(settings)).new(of, holder, scopes))


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_obj
def list_command(settings: Settings, as_json: bool) -> None:
    """The tokens there are, without their secrets."""
    from hub.web.run import tokens_file
    from hub.web.tokens import Tokens

    found = Tokens(tokens_file(settings)).all()
    if as_json:
        say_json([each.model_dump(mode="json", exclude={"digest"}) for each in found], indent=2)
        return
    table = Table("token 令牌", "of", "who 持有者", "may 权限", "made 发放", "revoked 吊销", show_edge=False)
    for each in found:
        table.add_row(each.id, each.kind, each.holder, ", ".join(each.scopes), iso(each.made_ms), iso(each.revoked_ms))
    Screen(soft_wrap=True).print(table)


@token.command()
@click.argument("token_id", metavar="TOKEN")
@click.pass_obj
def revoke(settings: Settings, token_id: str) -> None:
    """Let a token in no more 吊销. TOKEN is what `list` shows, or the token itself."""
    from hub.web.run import tokens_file
    from hub.web.tokens import Tokens

    tokens, name = Tokens(tokens_file(settings)), token_id.partition(".")[0]
    if any(each.id == name for each in tokens.all()):
        _note(settings, "token.revoke", name, None)
    revoked = tokens.revoke(name)
    say(f"{revoked.id} of {revoked.holder} is let in no more")


def _note(settings: Settings, what: str, subject: str, after: object) -> None:
    from hub.web.access.chain import AuditedAct
    from hub.web.access.trail import note_command

    note_command(settings, AuditedAct(what, subject, None, after))

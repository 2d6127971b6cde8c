"""Options that several commands share."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from connector.cli.output import FORMS
from connector.cli.session import Session

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Command = TypeVar("Command", bound=Callable[..., Any])


def _note_json(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Errors are told as JSON where the output is."""
    if value in ("json", "jsonl", True):
        ctx.ensure_object(Session).errors_as_json = True
    return value


def output_option(command: Command) -> Command:
    """`--output`: json, jsonl, table or csv; None when not given."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(FORMS),
        is_eager=True,
        callback=_note_json,
        help="A table on a terminal, JSON in a pipe, unless said here.",
    )(command)


def json_option(command: Command) -> Command:
    """`--json`: one JSON document instead of text."""
    return click.option(
        "--json", "as_json", is_flag=True, is_eager=True, callback=_note_json, help="Print JSON."
    )(command)


def install_option(command: Command) -> Command:
    """`--install`, or M365_INSTALL; None means the only one there is."""
    return click.option(
        "--install",
        envvar="M365_INSTALL",
        metavar="ID",
        shell_complete=_installs,
        help="The install to use; the only one when left out.",
    )(command)


def as_option(command: Command) -> Command:
    """`--as`: the connection."""
    return click.option(
        "--as", "as_", metavar="WHO", help="The connection: its ID, user name or user ID; else the first."
    )(command)


def yes_option(command: Command) -> Command:
    """`--yes`: no question."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask before deleting or sending.")(command)


def complete_methods(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of methods that begin as typed."""
    from connector.spec.load import load_catalogue

    return [name for name in load_catalogue() if name.startswith(incomplete)]


def complete_inputs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Inputs of the method that stands before, as `name=`."""
    from connector.spec.load import load_catalogue

    method = load_catalogue().get(ctx.params.get("name") or next(iter(ctx.args), ""))
    names = method.properties if method else {}
    return [f"{name}=" for name in names if name.startswith(incomplete)]


def _installs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return [install.id for install in Session().store.installs() if install.id.startswith(incomplete)]


def is_interactive() -> bool:
    """Whether somebody is there to answer: standard input is a terminal."""
    return sys.stdin.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Asks on a terminal; in a pipe, or with `yes`, it does not. Ends the run when the answer is no."""
    if yes or not is_interactive():
        return
    if not click.confirm(question, err=True):
        click.echo("Nothing was done.", err=True)
        raise click.exceptions.Exit(1)


def identifier(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    """A new ID as typed: it stands in URLs, file names and command lines. Raises BadParameter."""
    if not _IDENTIFIER.fullmatch(value):
        raise click.BadParameter(
            "use letters, digits, '.', '_' and '-', at most 64, starting with a letter or digit"
        )
    return value

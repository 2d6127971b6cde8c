"""The command line: data on standard output, talk on standard error, one exit code per kind of error.

Each command is a module of its own and is imported when it runs. What goes wrong is a ConnectorError,
and becomes a message and an exit code here, in one place.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from connector.cli.group import LazyGroup
from connector.cli.session import Session
from connector.errors import ConnectorError

PROGRAM = "m365-connector"
INTERRUPTED = 130

COMMANDS = {
    "methods": ("connector.cli.methods:methods", "List the methods."),
    "show": ("connector.cli.methods:show", "Show one method: inputs, scopes, requests."),
    "export": ("connector.cli.methods:export", "Print the whole catalogue as one JSON document."),
    "call": ("connector.cli.call:call", "Run a method."),
    "batch": ("connector.cli.batch:batch", "Run many calls in few requests."),
    "apps": ("connector.cli.apps:apps", "App registrations at Entra ID, and their credentials."),
    "accounts": ("connector.cli.accounts:accounts", "Customers of the platform."),
    "installs": ("connector.cli.installs:installs", "The connector in an account, bound to one tenant."),
    "connect": ("connector.cli.connect:connect", "Sign a user in, or approve for a whole tenant."),
    "disconnect": ("connector.cli.connect:disconnect", "Delete the tokens of a connection."),
    "scopes": ("connector.cli.scopes:scopes", "The least permissions for given methods."),
    "doctor": ("connector.cli.doctor:doctor", "Find what is wrong, and who can fix it."),
    "lint": ("connector.cli.proof:lint", "Check the declarative files of a bundle."),
    "prove": ("connector.cli.proof:prove", "Hold the methods against Microsoft's own metadata."),
    "sandbox": ("connector.cli.sandbox:sandbox", "Run a local Microsoft 365 to try everything against."),
    "tour": ("connector.cli.tour:tour", "Start the sandbox, connect two tenants, and run ten calls."),
    "keys": ("connector.cli.keys:keys", "The keys that encrypt stored secrets."),
    "completion": ("connector.cli.completion:completion", "Print the completion script of a shell."),
}


def _tell_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"{PROGRAM} {Session().catalogue.manifest.version}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Settings are environment variables: M365_HOME, M365_DATABASE_URL, M365_SECRET_KEYS.",
)
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    metavar="FOLDER",
    help="A folder with more methods; may be repeated.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what is sent, and tracebacks; never a secret.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version.",
)
@click.pass_obj
def cli(session: Session, bundles: tuple[str, ...], verbose: bool) -> None:
    """Microsoft 365 from the shell: users, calendars, mail and files of any tenant.

    \b
    m365-connector methods mail
    m365-connector call users.list --param filter="startswith(displayName,'A')"
    m365-connector call messages.send --input @mail.json --dry-run
    """
    session.start(bundles, verbose)


def main(arguments: Sequence[str] | None = None, prog_name: str = PROGRAM) -> None:
    """Runs the command line and ends the process with its exit code."""
    sys.exit(run(arguments, prog_name))


def run(arguments: Sequence[str] | None = None, prog_name: str = PROGRAM) -> int:
    """Runs the command line; gives the exit code. Nothing but SystemExit for help and completion escapes."""
    session = Session()
    try:
        result = cli.main(arguments, prog_name, standalone_mode=False, obj=session)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        return session.report_usage(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ConnectorError.exit_code
    except Exception as error:
        return session.report(error)

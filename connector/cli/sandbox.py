"""`sandbox`: a local Entra ID and Microsoft Graph with state."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from connector.cli.session import Session
from connector.errors import SettingsError, UsageError

DEFAULT_PORT = 8365
_LOOPBACK = ("127.0.0.1", "localhost")


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen on: this machine's own."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="0 picks a free one.",
)
@click.option("--tls", is_flag=True, help="Serve https, with a certificate authority made for this.")
@click.pass_obj
def sandbox(session: Session, host: str, port: int, tls: bool) -> None:
    """Run a local Microsoft 365 to try everything against.

    Its address goes to standard output. It is full of invented people whose passwords are public, so it
    listens on this machine only. Ctrl-C ends it, and forgets everything.

    \b
    m365-connector sandbox &
    m365-connector apps add demo --cloud sandbox --client-id … --secret-stdin
    """
    if host not in _LOOPBACK:
        raise UsageError(f"--host {host} is not this machine. Its passwords are public: use 127.0.0.1.")
    try:
        from connector.sandbox import Server
        from connector.sandbox.seed import (
            DEMO_CLIENT_ID,
            DEMO_CLIENT_SECRET,
            DEMO_PASSWORD,
            FABRIKOAST_ID,
        )
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"The sandbox needs the Python module {error.name}. Install m365-connector[sandbox]."
        ) from None
    folder: Path | None = session.settings.home / "sandbox-tls" if tls else None
    try:
        server = Server(port, tls_folder=folder)
    except OSError as error:
        raise UsageError(
            f"Port {port} cannot be used ({error.strerror}). Choose another with --port."
        ) from None
    click.echo(server.base_url)
    add = f"m365-connector apps add demo --cloud sandbox --client-id {DEMO_CLIENT_ID}"
    click.echo(
        f"""The sandbox runs. In another shell:

  export M365_SANDBOX_URL={server.base_url}{_trust(server.ca_file)}
  echo '{DEMO_CLIENT_SECRET}' | {add} --secret-stdin
  m365-connector installs add demo --app demo --tenant {FABRIKOAST_ID}
  m365-connector connect demo

Sign in as avery.stone@fabrikoast.example with the password {DEMO_PASSWORD}""",
        err=True,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("The sandbox has ended.", err=True)
    finally:
        server.stop()


def _trust(ca_file: Path | None) -> str:
    return f"\n  export M365_CA_BUNDLE={ca_file}" if ca_file else ""

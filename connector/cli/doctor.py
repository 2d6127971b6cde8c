"""`doctor`: what is wrong, and who can fix it."""

from __future__ import annotations

from dataclasses import asdict

import click

from connector.cli.options import as_option, install_option, json_option
from connector.cli.output import cell, write
from connector.cli.session import Session

_SIGNS = {"ok": "ok     ", "wrong": "WRONG  ", "skipped": "-      "}


@click.command()
@click.argument("named", metavar="INSTALL", required=False)
@install_option
@as_option
@json_option
@click.pass_obj
def doctor(session: Session, named: str | None, install: str | None, as_: str | None, as_json: bool) -> None:
    """Find what is wrong, and who can fix it.

    From the settings over Entra ID to the mailbox, one check a line. What is wrong is named with the value at
    fault and who can put it right. The exit code is that of the first fault.

    \b
    m365-connector doctor
    m365-connector doctor acme --as ann@contoso.com --json
    """
    from connector.cli.diagnosis import PEOPLE, Doctor

    findings = []
    for finding in Doctor(session, named or install, as_).findings():
        findings.append(finding)
        if not as_json:
            click.echo(f"{_SIGNS[finding.state]}{finding.check}: {cell(finding.value)}")
            if finding.state == "wrong":
                click.echo(f"       {cell(finding.remedy)}")
                click.echo(f"       Who can fix it: {PEOPLE.get(finding.who, finding.who)}")
    if as_json:
        rows = [
            {key: value for key, value in asdict(each).items() if key != "exit_code"} for each in findings
        ]
        write({"checks": rows}, "json")
    if wrong := next((each for each in findings if each.state == "wrong"), None):
        raise click.exceptions.Exit(wrong.exit_code)

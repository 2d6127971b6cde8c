"""`batch`: many calls in few requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.options import as_option, confirm, install_option, output_option, yes_option
from connector.cli.output import Form, default_form, write
from connector.cli.session import Session
from connector.errors import ConnectorError, UsageError

if TYPE_CHECKING:
    from connector.runtime.call import Page


@click.command()
@click.argument("given", metavar="JSON|@FILE|-")
@install_option
@as_option
@output_option
@click.option("--dry-run", is_flag=True, help="Show each request instead of sending them.")
@yes_option
@click.pass_obj
def batch(
    session: Session,
    given: str,
    install: str | None,
    as_: str | None,
    form: Form | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Run many calls in few requests.

    The calls are a JSON list of objects with `method` and `input`. Each result has its `items`, or its
    `error`; the exit code is that of the first error. Listings are read to their end.

    \b
    m365-connector batch '[{"method": "users.get", "input": {"user": "ann@contoso.com"}}]'
    m365-connector batch @calls.json --output jsonl
    """
    from connector.cli.params import read_json

    calls = _calls(read_json(given, "The list of calls"))
    if dry_run:
        from connector.plan import plan

        plans = [plan(session.catalogue, name, params).as_json() for name, params in calls]
        write(plans, form or "json")
        return
    methods = [session.catalogue.method(name) for name, _ in calls]
    connector, chosen = session.connector, session.install(install)
    if count := sum(method.kind in ("send", "delete") for method in methods):
        confirm(f"{count} of these calls send or delete something. Go on?", yes=yes)
    outcomes = connector.batch(chosen, calls, as_=as_)
    results = [_result(name, outcome) for (name, _), outcome in zip(calls, outcomes, strict=True)]
    write(results, form or default_form())
    for outcome in outcomes:
        if isinstance(outcome, ConnectorError):
            raise click.exceptions.Exit(outcome.exit_code)


def _calls(document: Any) -> list[tuple[str, dict[str, Any]]]:
    """Raises UsageError, which says which of the calls is wrong."""
    if not isinstance(document, list):
        raise UsageError('The calls must be a JSON list such as [{"method": "users.get_me", "input": {}}].')
    calls = []
    for number, entry in enumerate(document, 1):
        fits = (
            isinstance(entry, dict)
            and isinstance(entry.get("method"), str)
            and entry.keys() <= {"method", "input"}
        )
        params = entry.get("input", {}) if fits else None
        if not isinstance(params, dict):
            raise UsageError(f"Call {number} must be an object with a `method` and an `input` object.")
        calls.append((entry["method"], params))
    return calls


def _result(name: str, outcome: Page | ConnectorError) -> dict[str, Any]:
    if isinstance(outcome, ConnectorError):
        return {"method": name, "done": False, "error": outcome.as_dict()}
    return {"method": name, "done": True, "items": list(outcome.items)}

"""`call`: runs a method, or shows what running it would send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.choice import registration
from connector.cli.options import (
    as_option,
    complete_inputs,
    complete_methods,
    confirm,
    install_option,
    output_option,
    yes_option,
)
from connector.cli.output import Form, Output, compile_query, default_form, on_terminal, write
from connector.cli.progress import Progress
from connector.cli.saving import Destination
from connector.cli.session import Session
from connector.errors import UsageError

if TYPE_CHECKING:
    from connector.facade import Connector
    from connector.plan import Plan
    from connector.runtime.call import Page
    from connector.spec.model import Method

_LISTINGS = frozenset({"paged", "delta"})


@click.command()
@click.argument("name", metavar="METHOD", shell_complete=complete_methods)
@click.option(
    "-p",
    "--param",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=complete_inputs,
    help="One input; a dot goes into an object, @FILE reads a file.",
)
@click.option("-i", "--input", "given", metavar="JSON|@FILE|-", help="All inputs as one JSON object.")
@click.option("--target", metavar="WHOSE", help="me, user=…, group=…, site=… or drive=…")
@install_option
@as_option
@click.option("--limit", type=click.IntRange(min=1), help="At most so many items; without it one page.")
@click.option("--all", "everything", is_flag=True, help="All pages to the end.")
@click.option("--cursor", help="Continue where an earlier call stopped.")
@output_option
@click.option("-q", "--query", "expression", metavar="JMESPATH", help="Choose from the result.")
@click.option("--save", metavar="FILE|-", help="Where a download goes; a new file here when left out.")
@click.option("--force", is_flag=True, help="Replace the file of --save.")
@click.option("--record", metavar="FILE", help="Write what is exchanged with Microsoft to a new file.")
@click.option("--keep-personal-data", is_flag=True, help="Leave names, addresses and texts in --record.")
@click.option("--replay", metavar="FILE", help="Answer from a recording: no install, no network.")
@click.option("--dry-run", is_flag=True, help="Show the request instead of sending it.")
@yes_option
@click.pass_obj
def call(
    session: Session,
    name: str,
    pairs: tuple[str, ...],
    given: str | None,
    target: str | None,
    install: str | None,
    as_: str | None,
    limit: int | None,
    everything: bool,
    cursor: str | None,
    form: Form | None,
    expression: str | None,
    save: str | None,
    force: bool,
    record: str | None,
    keep_personal_data: bool,
    replay: str | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Run a method.

    Items go to standard output. Where more remain, the cursor is told on standard error. `--query` sees the
    whole result; with `--output jsonl`, each item.

    \b
    m365-connector call users.list --param filter="startswith(displayName,'A')" --limit 50
    m365-connector call messages.send --input @mail.json --target user=office@contoso.com
    m365-connector call drive_items.upload -p path=Reports/may.pdf -p content=@may.pdf
    m365-connector call events.create --input - --dry-run < event.json
    """
    from connector.cli.params import read_params

    if limit is not None and everything:
        raise UsageError("Give either --limit or --all.")
    query = None if expression is None else compile_query(expression)
    method = session.catalogue.method(name)
    params = read_params(method, pairs, given, target)
    if dry_run:
        _show_plan(_planned(session, method, params, install), form, query)
        return
    if replay is not None:
        connector, chosen, tape = _from_tape(session, Path(replay))
    else:
        connector, chosen = session.connector, session.install(install)
        tape = _on_tape(connector, chosen, as_, record, keep_personal_data=keep_personal_data)
        if method.kind in ("send", "delete"):
            confirm(f"{method.title} ({method.name}) as {as_ or chosen}?", yes=yes)
    output = Output(form or default_form(), query, listing=method.flow.type in _LISTINGS)
    progress = Progress(method.title, _size_of(method, params), shown=not (output.streams and on_terminal()))
    destination = Destination(save, force=force)
    with tape:
        run_method(
            method,
            partial(connector.iterate, chosen, name, params, as_=as_, limit=limit, cursor=cursor),
            output,
            destination,
            progress,
            one_page=limit is None and not everything,
        )


def run_method(
    method: Method,
    iterate: Callable[..., Iterator[Page]],
    output: Output,
    destination: Destination,
    progress: Progress,
    *,
    one_page: bool,
) -> None:
    """Runs a method and writes what it gives. `iterate` is that of a Connector, its arguments given.

    What came before an error is written, and the cursor told, so that the rest can be fetched later.
    """
    from connector.content import Content

    page: Page | None = None
    try:
        with progress:
            for page in iterate(on_progress=progress.step):
                for item in page.items:
                    output.add(destination.write(item, progress) if isinstance(item, Content) else [item])
                if one_page:
                    break
    finally:
        if page is not None:
            output.finish()
            _tell_cursor(page)


def _on_tape(
    connector: Connector, install: str, as_: str | None, record: str | None, *, keep_personal_data: bool
) -> AbstractContextManager[None]:
    """What surrounds a call: a recording where one is wanted."""
    if record is None:
        return nullcontext()
    from connector.cli.record import recording

    cloud = connector.identify(install, as_).cloud
    return recording(Path(record), cloud, connector.manifest.api, keep_personal_data=keep_personal_data)


def _from_tape(session: Session, path: Path) -> tuple[Connector, str, AbstractContextManager[Any]]:
    """A connector that a recording answers; it needs no install, and shows nobody's token."""
    from connector.cli.record import ReplayTokens, replaying
    from connector.plan import DEFAULT_CLOUD

    connector = session.platform.connector(ReplayTokens(), cloud=DEFAULT_CLOUD)
    cloud = connector.clouds[DEFAULT_CLOUD]
    return connector, path.stem, replaying(path, cloud, connector.manifest.api)


def _size_of(method: Method, params: dict[str, Any]) -> int | None:
    """The bytes that an upload sends."""
    if method.flow.type != "upload":
        return None
    return getattr(params.get(method.flow.options["content"]), "size", None)


def _tell_cursor(page: Page) -> None:
    if page.cursor is None:
        return
    word = "The next round starts" if page.complete else "There is more. Continue"
    click.echo(f"{word} with: --cursor {page.cursor}", err=True)


def _planned(session: Session, method: Method, params: dict[str, Any], install: str | None) -> Plan:
    """The plan, in the cloud and mode of the install if one is named, else worldwide and delegated."""
    from connector.plan import plan

    if install is None:
        return plan(session.catalogue, method.name, params)
    _, app = registration(session, install)
    return plan(session.catalogue, method.name, params, session.platform.clouds[app.cloud], app.mode)


def _show_plan(made: Plan, form: Form | None, query: Any) -> None:
    document = made.as_json()
    if query is not None or form is not None or not on_terminal():
        write(query(document) if query else document, form or default_form())
        return
    import json

    for request in document["requests"]:
        click.echo(f"{request['method']} {request['url']}")
        for header, value in request["headers"].items():
            click.echo(f"{header}: {value}")
        if request["body"] is not None:
            click.echo("\n" + json.dumps(request["body"], indent=2, ensure_ascii=False))
    retries = document["retries"]
    statuses = ", ".join(map(str, retries["statuses"]))
    click.echo(
        f"\nScopes ({document['mode']}): {', '.join(document['scopes']) or 'none'}\n"
        f"Added when sent: {', '.join(document['added_when_sent'])}\n"
        f"Sent again, up to {retries['attempts']} times in all, after: {statuses}\n"
        f"After a lost answer: {retries['after_lost_answer']}"
    )

"""`methods` and `show`: what the connector can do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from connector.cli.options import complete_methods, json_option
from connector.cli.output import cell, write
from connector.cli.session import Session
from connector.errors import UsageError
from connector.exports import method_entry

if TYPE_CHECKING:
    from connector.spec.model import Manifest, Method


@click.command()
@click.argument("text", required=False)
@json_option
@click.pass_obj
def methods(session: Session, text: str | None, as_json: bool) -> None:
    """List the methods.

    TEXT narrows the list: a service (`emails`), or part of a name or title.

    \b
    m365-connector methods
    m365-connector methods emails
    m365-connector methods --json
    """
    listed = [entry for entry in session.catalogue.values() if entry.visibility != "internal"]
    if text is not None:
        listed = _matching(listed, text)
    if as_json:
        write([method_entry(entry) for entry in listed], "json")
        return
    rows = [
        {
            "method": entry.name,
            "title": entry.title,
            "kind": entry.kind,
            "scopes": ", ".join(entry.scopes["delegated"]),
        }
        for entry in listed
    ]
    write(rows, "table")


def _matching(listed: Iterable[Method], text: str) -> list[Method]:
    """Those of the service `text`, else those with the text in name or title. Raises UsageError for none."""
    wanted = text.casefold()
    every = list(listed)
    found = [entry for entry in every if wanted == entry.service.name] or [
        entry for entry in every if wanted in f"{entry.name}\n{entry.title}\n{entry.service.title}".casefold()
    ]
    if not found:
        services = ", ".join(dict.fromkeys(entry.service.name for entry in every))
        raise UsageError(f"No method matches {text!r}. The services are: {services}.")
    return found


@click.command()
@click.pass_obj
def export(session: Session) -> None:
    """Print the whole catalogue as one JSON document.

    For hosts that are not Python.

    \b
    m365-connector export > m365.json
    """
    from connector.exports import export as document_of

    visible = [entry for entry in session.catalogue.values() if entry.visibility != "internal"]
    write(document_of(session.catalogue.manifest, visible), "json")


@click.command()
@click.argument("name", shell_complete=complete_methods)
@json_option
@click.pass_obj
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one method: inputs, scopes, requests.

    \b
    m365-connector show events.create
    m365-connector show events.create --json
    """
    method = session.catalogue.method(name)
    if as_json:
        write(method_entry(method), "json")
        return
    click.echo(f"{method.name}: {method.title} ({method.service.title}, {method.kind})\n")
    click.echo(f"{method.description}\n{method.docs}\n")
    for path in method.request.paths:
        click.echo(f"  {method.request.verb} {path.text}")
    _show_scopes(method, session.catalogue.manifest)
    click.echo("\nInputs (* is required):")
    formatter = click.HelpFormatter(max_width=110, indent_increment=2)
    with formatter.indentation():
        formatter.write_dl([_input_help(name, schema, method) for name, schema in method.properties.items()])
    click.echo(formatter.getvalue(), nl=False)
    for exclusion in method.not_for:
        what = f"{exclusion.input} " if exclusion.input else ""
        click.echo(f"Not possible: {what}with the target {exclusion.target}. {exclusion.reason}")
    click.echo(f"\nExample:\n  {example_command(method)}")


def _show_scopes(method: Method, manifest: Manifest) -> None:
    click.echo()
    for mode, scopes in method.scopes.items():
        for scope in scopes:
            entry = manifest.permissions.get(scope)
            note = f": {entry.title}" if entry else ""
            admin = "; an administrator must approve" if entry and entry.admin else ""
            click.echo(f"  {mode} {scope}{note}{admin}")


def _input_help(name: str, schema: Mapping[str, Any], method: Method) -> tuple[str, str]:
    required = "*" if name in method.input.get("required", ()) else ""
    facts = [schema.get("description", schema.get("title", ""))]
    if "enum" in schema:
        facts.append("One of: " + ", ".join(map(str, schema["enum"])) + ".")
    if "default" in schema:
        facts.append(f"Default: {cell(schema['default'])}.")
    if "x-picker" in schema:
        facts.append(f"Choices come from {schema['x-picker']['method']}.")
    return f"{name}{required} ({type_name(schema)})", " ".join(filter(None, facts))


def type_name(schema: Mapping[str, Any]) -> str:
    """The type of an input in a word or two."""
    if schema.get("contentEncoding") == "base64":
        return "file"
    types = schema.get("type", "any")
    if types == "array":
        return f"list of {type_name(schema.get('items', {}))}"
    return types if isinstance(types, str) else " or ".join(types)


def example_command(method: Method) -> str:
    """A command line that runs the method's example."""
    import json
    import shlex

    given = json.dumps(method.example, ensure_ascii=False)
    return f"m365-connector call {method.name} --dry-run" + (
        f" --input {shlex.quote(given)}" if method.example else ""
    )

"""`lint` and `prove`: what is said of a bundle before it meets a tenant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from connector.cli.options import json_option
from connector.cli.output import write
from connector.cli.session import Session
from connector.errors import SpecError, UsageError

if TYPE_CHECKING:
    from connector.proof.reference import Reference
    from connector.proof.report import Report

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=FOLDER, required=False)
@json_option
@click.pass_obj
def lint(session: Session, folder: Path | None, as_json: bool) -> None:
    """Check the declarative files of a bundle.

    That is the connector's own, or the one in FOLDER. Each problem is a line with file and line number; the
    exit code is 7 when there is one.

    \b
    m365-connector lint
    m365-connector lint ./our-methods
    """
    from connector.proof import lint as checks

    problems = checks.lint(folder)
    if as_json:
        write({"problems": problems}, "json")
    else:
        for problem in problems:
            click.echo(problem)
        told = "1 problem." if len(problems) == 1 else f"{len(problems) or 'No'} problems."
        click.echo(told, err=True)
    if problems:
        raise click.exceptions.Exit(SpecError.exit_code)


@click.command()
@click.option("--reference", "folder", type=FOLDER, help="A folder with all four, under their usual names.")
@click.option("--metadata", type=FILE, help="The metadata of Graph v1.0 (CSDL).")
@click.option("--permissions", type=FILE, help="Which permissions open which request.")
@click.option("--scopes", type=FILE, help="The permissions with their IDs.")
@click.option("--examples", type=FOLDER, help="Documented requests and responses.")
@json_option
@click.pass_obj
def prove(
    session: Session,
    folder: Path | None,
    metadata: Path | None,
    permissions: Path | None,
    scopes: Path | None,
    examples: Path | None,
    as_json: bool,
) -> None:
    """Hold the methods against Microsoft's own metadata.

    Every path, verb, scope, schema and documented example. What is not given is not looked at; the exit code
    is 1 when something is wrong that no cited exception explains.

    \b
    m365-connector prove --reference ./graph
    m365-connector prove --metadata metadata.xml --permissions permissions.json --json
    """
    from connector.proof.overlay import Overlay
    from connector.proof.prove import prove as prove_catalogue

    reference = _reference(folder, metadata, permissions, scopes, examples)
    report = prove_catalogue(session.catalogue, reference, Overlay.open())
    if as_json:
        write(report.as_json(), "json")
    else:
        _tell(report)
    if not report.ok:
        raise click.exceptions.Exit(1)


def _reference(
    folder: Path | None,
    metadata: Path | None,
    permissions: Path | None,
    scopes: Path | None,
    examples: Path | None,
) -> Reference:
    from connector.proof.reference import Reference

    single = (metadata, permissions, scopes, examples)
    if folder is not None and any(single):
        raise UsageError("Give either --reference, or the single parts.")
    if folder is not None:
        return Reference.in_folder(folder)
    if metadata is None:
        raise UsageError("Give --metadata at least, or --reference FOLDER.")
    return Reference.open(metadata, permissions, scopes, examples)


def _tell(report: Report) -> None:
    rows = [
        {
            "method": entry.name,
            "path": entry.path,
            "verb": entry.verb,
            "scopes": entry.scopes,
            "schema": entry.schema,
            "examples": f"{entry.examples_matched}/{entry.examples_total}",
        }
        for entry in report.methods
    ]
    write(rows, "table")
    problems = [f"{entry.name}: {problem}" for entry in report.methods for problem in entry.problems]
    for problem in [*problems, *report.problems]:
        click.echo(problem)
    excused = sum(len(entry.excused) for entry in report.methods)
    click.echo(
        f"{len(problems) + len(report.problems)} problems; {excused} differences are explained.", err=True
    )

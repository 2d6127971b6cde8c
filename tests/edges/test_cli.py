"""The command line as a whole: start-up, errors, exit codes, help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from connector import errors
from connector.cli import COMMANDS, cli, run
from connector.cli.session import Session
from connector.spec.load import load_catalogue

ROOT = Path(__file__).parents[2]
HEAVY = {
    "requests",
    "yaml",
    "jsonschema",
    "jsonschema_rs",
    "sqlalchemy",
    "cryptography",
    "rich",
    "jinja2",
    "flask",
}


def python(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, **options
    )  # fmt: skip


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom connector.cli import run\nrun(['--help'])\n"
        f"print('loaded:', sorted(set({sorted(HEAVY)!r}) & sys.modules.keys()))"
    )
    done = python("-c", script)
    assert "Commands:" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded: []", done.stdout + done.stderr


def test_the_script_in_the_checkout_and_the_module_are_the_same_program() -> None:
    by_script, by_module = python("cli.py", "--help"), python("-m", "connector", "--help")
    assert by_script.returncode == by_module.returncode == 0
    assert by_script.stdout.replace("cli.py", "m365-connector") == by_module.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_whose_first_line_is_its_summary(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"], obj=Session())
    assert result.exit_code == 0, result.output
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    summary = command.get_short_help_str(200).rstrip(".")
    assert COMMANDS[name][1].rstrip(".") == summary


def test_an_unknown_command_names_the_nearest() -> None:
    result = CliRunner().invoke(cli, ["conect"], obj=Session())
    assert result.exit_code == 2
    assert "Did you mean connect" in result.output


def test_the_version_is_that_of_the_manifest() -> None:
    done = python("-m", "connector", "--version")
    assert done.returncode == 0
    assert done.stdout == f"m365-connector {load_catalogue().manifest.version}\n"


def failing(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the command `methods` fail with `error`."""

    @click.command()
    @click.option("-o", "--output")
    def fail(output: str | None) -> None:
        if output:
            click.get_current_context().find_root().obj.errors_as_json = True
        raise error

    monkeypatch.setattr("connector.cli.methods.methods", fail)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UnknownMethod("users.lst", ["users.list"]), 2),
        (errors.InvalidInput("users.list", [("filter", "is wrong")]), 2),
        (errors.SpecError(["a.yaml:1: wrong"]), 7),
        (errors.NotConnected("Nobody."), 3),
        (errors.ConsentRequired("More."), 3),
        (errors.Forbidden("No."), 3),
        (errors.NotFound("Gone."), 4),
        (errors.Rejected("Bad."), 5),
        (errors.OperationFailed("Failed."), 5),
        (errors.Conflict("Taken."), 6),
        (errors.ResyncRequired("Again."), 6),
        (errors.Throttled("Later."), 75),
        (errors.NoAnswer("Silence."), 75),
        (ZeroDivisionError("a defect"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_exit_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(error, monkeypatch)
    assert run(["methods"]) == code
    assert not capsys.readouterr().out


def test_an_error_is_json_on_stderr_where_the_output_is_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(errors.NotFound("Gone.", status=404, graph_code="itemNotFound", request_id="r-1"), monkeypatch)
    assert run(["methods", "-o", "json"]) == 4
    told = json.loads(capsys.readouterr().err)
    assert told["error"] == {
        "code": "not_found", "retryable": False, "message": "Gone.", "status": 404,
        "graph_code": "itemNotFound", "request_id": "r-1",
    }  # fmt: skip


def test_an_error_message_cannot_colour_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(errors.Rejected("Bad \x1b[31msubject\r\x9b2J."), monkeypatch)
    run(["methods"])
    assert capsys.readouterr().err == "Error: Bad \\x1b[31msubject\\r\\x9b2J.\n"


def test_a_defect_shows_its_traceback_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(RuntimeError("Authorization: Bearer abcdefghijk"), monkeypatch)
    assert run(["methods"]) == 1
    assert "Traceback" not in (quiet := capsys.readouterr().err)
    assert "--verbose" in quiet
    assert run(["--verbose", "methods"]) == 1
    loud = capsys.readouterr().err
    assert "Traceback" in loud
    assert "abcdefghijk" not in loud


def test_a_closed_pipe_ends_quietly() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    writer = subprocess.Popen(
        [sys.executable, "-m", "connector", "methods", "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.read(10)
    writer.stdout.close()
    told = writer.stderr.read().decode()
    writer.stderr.close()
    assert writer.wait(30) == 1
    assert told == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_program(shell: str) -> None:
    result = CliRunner().invoke(cli, ["completion", shell], obj=Session())
    assert result.exit_code == 0
    assert "_M365_CONNECTOR_COMPLETE" in result.output


@pytest.mark.parametrize(
    ("words", "expected"),
    [("m365-connector call users.li", "users.list"), ("m365-connector call users.list -p fil", "filter=")],
)
def test_methods_and_their_inputs_complete(words: str, expected: str) -> None:
    given = words.split()
    done = python(
        "-m", "connector",
        env={**os.environ, "_M365_CONNECTOR_COMPLETE": "bash_complete", "COMP_WORDS": words,
             "COMP_CWORD": str(len(given) - 1)},
    )  # fmt: skip
    assert f"plain,{expected}" in done.stdout, done.stderr

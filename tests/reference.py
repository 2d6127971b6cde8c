"""The folder with Microsoft's reference data, for the tests that hold the connector against it.

It is named by the environment variable M365_REFERENCE, or lies beside the checkout.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

_MARK = "graph/metadata.csdl.xml"


def _folder() -> Path:
    """The folder that is named, else the first beside the checkout that holds such data."""
    if named := os.environ.get("M365_REFERENCE"):
        return Path(named)
    beside = Path(__file__).parents[2]
    found = next(iter(sorted(beside.glob(f"*/{_MARK}"))), None)
    return found.parents[1] if found else beside / "reference"


REFERENCE = _folder()
GRAPH_DATA = REFERENCE / "graph"

needs_reference = pytest.mark.skipif(
    not GRAPH_DATA.is_dir(), reason="needs the folder with Microsoft's reference data: set M365_REFERENCE"
)


@lru_cache
def read_json(name: str) -> Any:
    """A JSON file of the reference data on Graph, such as `permissions.json`."""
    return json.loads((GRAPH_DATA / name).read_text(encoding="utf-8"))


@lru_cache
def documented_examples() -> list[dict[str, Any]]:
    """The requests and responses of Microsoft's documentation; none where the data is absent."""
    return [
        json.loads(line)
        for file in sorted(GRAPH_DATA.glob("examples/*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]

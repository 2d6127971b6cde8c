"""Cassettes: where they are, and how one is played. Beside each stands the call that it answers.

`cassettes/<noun>/<verb>/<case>.yaml` has the exchanges; `<case>.json` the call and what came of it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connector.cli.record import ReplayTokens, replaying
from connector.content import Content
from connector.facade import Connector
from connector.loading import Platform
from connector.plan import DEFAULT_CLOUD
from connector.runtime.engine import Policy
from connector.settings import Settings, new_key
from connector.spec.load import Catalogue
from connector.spec.model import Retry

FOLDER = Path(__file__).parents[1] / "cassettes"


@dataclass(frozen=True)
class Recorded:
    """A call and what came of it. The bytes of files are in base64, or `{"zero_bytes": 5}` for many."""

    method: str
    input: dict[str, Any]
    items: list[Any]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Recorded:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def cassettes() -> Iterator[Path]:
    """All of them, in a fixed order."""
    yield from sorted(FOLDER.glob("*/*/*.yaml"))


def play(
    path: Path, home: Path, catalogue: Catalogue, method: str, params: dict[str, Any]
) -> tuple[list[Any], bool]:
    """The items that a recorded call gives, and whether every recorded exchange took place."""
    settings = Settings.from_environment({"M365_HOME": str(home), "M365_SECRET_KEYS": new_key()})
    connector = offline(Platform(catalogue, settings))
    cloud = connector.clouds[DEFAULT_CLOUD]
    with replaying(path, cloud, connector.manifest.api) as cassette:
        items = collect(connector, method, params)
        return items, cassette.all_played


def offline(platform: Platform) -> Connector:
    """A connector without a store that never waits, and for which a wrong answer is an error."""
    manifest = platform.catalogue.manifest
    return Connector(
        platform.catalogue,
        tokens=ReplayTokens,
        senders=platform.sender,
        seal=lambda: platform.sealer,
        store=None,
        clouds=platform.clouds,
        default_cloud=DEFAULT_CLOUD,
        strict_output=True,
        policy=Policy.of(no_waiting(manifest.retry), manifest.limits, sleep=lambda seconds: None),
    )


def no_waiting(retry: Retry) -> Retry:
    """The policy with every wait left out."""
    return Retry(
        retry.attempts, retry.max_wait_seconds, 0, retry.statuses, retry.statuses_of_unrepeatable,
        tuple(0.0 for _ in retry.settle_after_seconds),
    )  # fmt: skip


def collect(connector: Connector, method: str, params: dict[str, Any], caller: str = "replay") -> list[Any]:
    """Every item of a call, ready for JSON."""
    given = {name: _bytes(value) for name, value in params.items()}
    return [_plain(item) for page in connector.iterate(caller, method, given) for item in page.items]


def _bytes(value: Any) -> Any:
    many = isinstance(value, dict) and value.keys() == {"zero_bytes"}
    return bytes(value["zero_bytes"]) if many else value


def _plain(item: Any) -> Any:
    return base64.b64encode(item.read()).decode() if isinstance(item, Content) else item

"""Every method answers its cassette: the requests on the wire, and what is made of the answers, stay."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from connector.spec.load import load_catalogue
from tests.cassette import FOLDER, Recorded, cassettes, play

CATALOGUE = load_catalogue()
ALL = list(cassettes())
SECRETS = re.compile(
    r"Bearer|Authorization|eyJ[\w-]+\.[\w-]+|[Cc]ookie|tempauth|/content/(up|down)load|127\.0\.0\.1|localhost"
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("a replay sends nothing")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(FOLDER).with_suffix("")))
def test_a_cassette_gives_what_it_gave(path: Path, tmp_path: Path) -> None:
    recorded = Recorded.read(path.with_suffix(".json"))
    items, all_played = play(path, tmp_path, CATALOGUE, recorded.method, recorded.input)
    assert items == recorded.items
    assert all_played


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(FOLDER).with_suffix("")))
def test_a_cassette_holds_no_secret_and_no_address_of_the_sandbox(path: Path) -> None:
    found = SECRETS.search(
        path.read_text(encoding="utf-8") + path.with_suffix(".json").read_text(encoding="utf-8")
    )
    assert found is None, found


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(FOLDER).with_suffix("")))
def test_a_cassette_says_what_it_was_made_from(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# Made from the sandbox")


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_method_has_a_cassette(name: str) -> None:
    assert list((FOLDER / name.replace(".", "/")).glob("*.yaml"))


def test_another_input_than_the_recorded_one_is_refused(tmp_path: Path) -> None:
    from connector.errors import UsageError

    path = FOLDER / "users" / "get" / "example.yaml"
    with pytest.raises(UsageError, match="has no such request"):
        play(path, tmp_path, CATALOGUE, "users.get", {"user_id": "somebody.else@contoso.com"})

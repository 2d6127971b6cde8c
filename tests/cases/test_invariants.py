"""The invariants themselves: each of them can fail. And every case has a test."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from connector.errors import ConnectorError
from connector.sandbox import Server
from tests.cases.invariants import Watch
from tests.http_host import Host
from tests.live_sandbox import Live
from tests.reference import REFERENCE, needs_reference

A_MESSAGE = {
    "subject": "Twice",
    "body": {"contentType": "text", "content": "x"},
    "toRecipients": [{"emailAddress": {"address": "mina.okafor@fabrikoast.example"}}],
}


def token_of(live: Live) -> str:
    return live.grant(live.platform.store.connections("fabrikoast")[0]).access_token


def token_to_content_host(live: Live, foreign: Host, folder: Path) -> None:
    address = live.url.replace("127.0.0.1", "localhost")
    requests.get(f"{address}/content/download/x", headers={"Authorization": token_of(live)})


def call_of_another_server(live: Live, foreign: Host, folder: Path) -> None:
    requests.get(foreign.url)


def token_in_an_address(live: Live, foreign: Host, folder: Path) -> None:
    requests.get(f"{live.url}/v1.0/me?access_token={token_of(live)}")


def secret_in_a_record_of_ours(live: Live, foreign: Host, folder: Path) -> None:
    logging.getLogger("connector.graph").debug("sending %s", token_of(live))


def secret_in_the_output(live: Live, foreign: Host, folder: Path) -> None:
    print(token_of(live))


def secret_in_an_error(live: Live, foreign: Host, folder: Path) -> None:
    ConnectorError(f"the token {token_of(live)} is no good")


def secret_in_a_file(live: Live, foreign: Host, folder: Path) -> None:
    (folder / "home" / "cache.json").write_text(token_of(live))


def change_in_another_tenant(live: Live, foreign: Host, folder: Path) -> None:
    live.graph("PATCH", "/users/mina.okafor@northleaf.example", {"jobTitle": "x"}, install="northleaf")


def storm_of_calls(live: Live, foreign: Host, folder: Path) -> None:
    for _ in range(live.most_calls + 1):
        live.execute("users.get_me")


def same_mail_twice(live: Live, foreign: Host, folder: Path) -> None:
    for _ in range(2):
        live.execute("messages.send", message=A_MESSAGE)


@pytest.mark.parametrize(
    ("breach", "invariant"),
    [
        (token_to_content_host, "INV1"),
        (call_of_another_server, "INV1"),
        (token_in_an_address, "INV1"),
        (secret_in_a_record_of_ours, "INV2"),
        (secret_in_the_output, "INV2"),
        (secret_in_an_error, "INV2"),
        (secret_in_a_file, "INV2"),
        (change_in_another_tenant, "INV3"),
        (storm_of_calls, "INV4"),
        (same_mail_twice, "INV5"),
    ],
)
def test_a_breach_is_noticed(
    server: Server,
    foreign: Host,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    breach: Callable[[Live, Host, Path], None],
    invariant: str,
) -> None:
    live = Live(server, tmp_path / "home")
    with Watch(live, foreign, tmp_path, monkeypatch, capfd) as watch:
        live.sign_in()
        breach(live, foreign, tmp_path)
        with pytest.raises(AssertionError, match=invariant):
            watch.check()
    live.close()


GROUPS = ("2.1", "2.2", "2.3", "2.5", "2.12")
EXEMPT: dict[str, str] = {}
"""Cases without a test, by ID, each with the reason why none of what there is can run into it."""


def cases() -> dict[str, str]:
    """The priority of each case of the groups, by ID."""
    found: dict[str, str] = {}
    group = ""
    for line in (REFERENCE / "cases.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## (\d+\.\d+) ", line):
            group = heading[1]
        if group in GROUPS and (row := re.match(r"\| ([A-Z]-\d{2}) \| (P\d) ", line)):
            found[row[1]] = row[2]
    return found


@needs_reference
def test_every_case_has_a_test() -> None:
    """A test names its case: `test_o_27_…` is about O-27, `test_n_01_n_03_…` about two of them."""
    tested: set[str] = set()
    for file in Path(__file__).parents[1].rglob("test_*.py"):
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE):
            prefix = re.match(r"test((?:_[a-z]_\d{2})+)_", name)
            tested |= (
                {each.upper().replace("_", "-") for each in re.findall(r"[a-z]_\d{2}", prefix[1])}
                if prefix
                else set()
            )
    wanted = {case for case, priority in cases().items() if priority in ("P0", "P1")}
    assert len(wanted) >= 60
    assert sorted(wanted - tested - EXEMPT.keys()) == []
    assert sorted(EXEMPT.keys() & tested) == [], "these have a test now"

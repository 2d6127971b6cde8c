"""`call` and `batch` against a scripted Graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.cli.session import Session
from connector.errors import Forbidden, Throttled
from connector.facade import Connector
from connector.spec.load import load_catalogue
from tests.edges.cli_runner import Shell
from tests.scripted import GRAPH, ScriptedSender, answer

USERS = f"{GRAPH}/users"


class Seal:
    """Seals by writing the binding in front."""

    def seal(self, binding: str, data: bytes) -> str:
        return f"{binding}|{data.decode()}".encode().hex()

    def open(self, binding: str, token: str) -> bytes:
        known, _, data = bytes.fromhex(token).decode().partition("|")
        assert known == binding
        return data.encode()


class Tokens:
    def token(self, *arguments: str, **options: Any) -> str:
        return "token"


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedSender]:
    """Puts a script behind the command line."""

    def script(*answers: Any) -> ScriptedSender:
        sender = ScriptedSender(*answers)
        connector = Connector(
            load_catalogue(), tokens=Tokens, senders=lambda cloud, token: sender, seal=Seal, store=None
        )  # fmt: skip
        monkeypatch.setattr(Session, "connector", connector)
        monkeypatch.setenv("M365_INSTALL", "acme")
        return sender

    return script


def page(*names: str, link: str | None = None) -> Any:
    items = [{"id": name, "displayName": name} for name in names]
    return answer(json={"value": items, **({"@odata.nextLink": link} if link else {})}, url=USERS)


def test_one_page_is_given_and_the_cursor_for_more_on_stderr(graph: Any, shell: Shell) -> None:
    graph(page("a", "b", link=f"{USERS}?$skiptoken=2"))
    result = shell("call", "users.list", "-o", "json")
    assert result.code == 0
    assert [user["id"] for user in result.json] == ["a", "b"]
    assert "There is more. Continue with: --cursor " in result.err


def test_the_cursor_continues_where_the_first_call_stopped(graph: Any, shell: Shell) -> None:
    graph(page("a", "b", "c", link=f"{USERS}?$skiptoken=2"))
    cursor = shell("call", "users.list", "--limit", "2").err.split("--cursor ")[1].strip()
    sender = graph(page("a", "b", "c", link=f"{USERS}?$skiptoken=2"), page("d"))
    result = shell("call", "users.list", "--all", "--cursor", cursor, "-o", "json")
    assert [user["id"] for user in result.json] == ["c", "d"]
    assert len(sender.requests) == 2
    assert result.err == ""


def test_all_reads_to_the_end(graph: Any, shell: Shell) -> None:
    graph(page("a", link=f"{USERS}?$skiptoken=2"), page(), page("never"))
    result = shell("call", "users.list", "--all", "-o", "jsonl")
    assert [json.loads(line)["id"] for line in result.out.splitlines()] == ["a"]


def test_limit_and_all_exclude_each_other(graph: Any, shell: Shell) -> None:
    graph()
    assert shell("call", "users.list", "--all", "--limit", "1").code == 2


def test_what_came_before_an_error_is_kept_and_can_be_continued(graph: Any, shell: Shell) -> None:
    graph(page("a", link=f"{USERS}?$skiptoken=2"), Throttled("Later.", status=429))
    result = shell("call", "users.list", "--all", "-o", "json")
    assert result.code == 75
    assert [user["id"] for user in result.json] == ["a"]
    assert "--cursor " in result.err
    assert '"throttled"' in result.err


def test_an_error_of_graph_is_json_where_the_output_is(graph: Any, shell: Shell) -> None:
    graph(Forbidden("No.", status=403, graph_code="ErrorAccessDenied"))
    result = shell("call", "users.list", "-o", "json")
    assert (result.code, result.out) == (3, "")
    assert json.loads(result.err)["error"]["graph_code"] == "ErrorAccessDenied"


@pytest.mark.parametrize(("yes", "given", "code", "sent"), [
    ((), True, 0, 1), ((), False, 1, 0), (("--yes",), None, 0, 1),
])  # fmt: skip
def test_deleting_asks_first_on_a_terminal(
    yes: tuple[str, ...], given: bool | None, code: int, sent: int, graph: Any, shell: Shell
) -> None:
    sender = graph(answer(204))
    shell.on_terminal(given)
    assert shell("call", "users.delete", "-p", "user_id=x", *yes).code == code
    assert len(sender.requests) == sent


def test_deleting_does_not_ask_in_a_pipe_and_reading_never(graph: Any, shell: Shell) -> None:
    sender = graph(answer(204))
    assert shell("call", "users.delete", "-p", "user_id=x").code == 0
    assert sender.requests[0].verb == "DELETE"
    graph(page("a"))
    shell.on_terminal()
    assert shell("call", "users.list").code == 0


def test_an_upload_reads_standard_input(graph: Any, shell: Shell) -> None:
    sender = graph(answer(201, {"id": "1", "name": "a.txt", "size": 5}))
    result = shell("call", "drive_items.upload", "-p", "path=a.txt", "-p", "content=@-", stdin=b"bytes")
    assert result.code == 0, result.err
    assert sender.requests[0].content.read() == b"bytes"


def test_a_download_is_saved_under_the_name_that_it_has(graph: Any, shell: Shell, tmp_path: Path) -> None:
    class Stream:
        def chunks(self, size: int) -> Any:
            yield b"da"
            yield b"ta"

        def close(self) -> None: ...

    response = answer(200, Content_Disposition='attachment; filename="../../a.txt"', Content_Length="4")
    response.stream = Stream()
    graph(response)
    result = shell("call", "drive_items.download", "-p", "item_id=1", "-o", "json")
    assert result.json == {"file": "a.txt", "size_bytes": 4, "media_type": None}
    assert (tmp_path / "a.txt").read_bytes() == b"data"


def test_a_batch_gives_each_call_its_result_and_the_first_errors_exit_code(graph: Any, shell: Shell) -> None:
    graph(
        answer(
            json={
                "responses": [
                    {"id": "1", "status": 404, "body": {"error": {"code": "Request_ResourceNotFound"}}},
                    {"id": "0", "status": 200, "body": {"id": "me"}},
                ]
            }
        )
    )
    calls = [{"method": "users.get_me"}, {"method": "users.get", "input": {"user_id": "x"}}]
    result = shell("batch", json.dumps(calls))
    assert [entry["done"] for entry in result.json] == [True, False], result.err
    assert result.json[0]["items"] == [{"id": "me"}]
    assert result.code == 4


@pytest.mark.parametrize("given", ["{}", '[{"input": {}}]', '[{"method": "users.get_me", "extra": 1}]', "["])
def test_a_batch_that_is_no_list_of_calls_is_refused(given: str, graph: Any, shell: Shell) -> None:
    graph()
    assert shell("batch", given).code == 2

"""Copies in the sandbox and their monitors."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .conftest import COMPANY, Sandbox

ROOT = "/me/drive/root"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Files.ReadWrite.All")


def copy(sandbox: Sandbox, token: str, path: str, query: str = "", **body: Any) -> str:
    answer = sandbox.graph("POST", f"{ROOT}:/{path}:/copy{query}", token, json=body)
    assert (answer.status_code, answer.content) == (202, b""), answer.text
    monitor: str = answer.headers["Location"]
    assert monitor.startswith("http://localhost:")
    return monitor


def end_of(sandbox: Sandbox, monitor: str) -> requests.Response:
    while True:
        answer = sandbox.session.get(monitor, allow_redirects=False)
        if answer.status_code == 303 or answer.json()["status"] != "inProgress":
            return answer


def test_a_copy_goes_on_for_some_polls_and_ends_with_the_item(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(copy_polls=2)
    monitor = copy(sandbox, token, "Welcome.txt", name="Hello.txt")
    polls = [sandbox.session.get(monitor) for _ in range(3)]
    assert [poll.json()["status"] for poll in polls] == ["inProgress", "inProgress", "completed"]
    assert [poll.status_code for poll in polls] == [202, 202, 202]
    progress = [poll.json()["percentageComplete"] for poll in polls]
    assert progress == sorted(progress)
    item = sandbox.get(f"/me/drive/items/{polls[2].json()['resourceId']}", token).json()
    assert item["name"] == "Hello.txt"
    source = sandbox.get(f"{ROOT}:/Welcome.txt", token).json()
    assert item["id"] != source["id"]
    assert item["file"]["hashes"] == source["file"]["hashes"]


def test_a_copy_can_take_time(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(copy_polls=0, copy_seconds=60)
    monitor = copy(sandbox, token, "Welcome.txt", name="Hello.txt")
    assert {sandbox.session.get(monitor).json()["status"] for _ in range(3)} == {"inProgress"}
    sandbox.control("POST", "/clock", {"advance_seconds": 60})
    assert sandbox.session.get(monitor).json()["status"] == "completed"


def test_a_monitor_refuses_a_token(sandbox: Sandbox, token: str) -> None:
    monitor = copy(sandbox, token, "Welcome.txt", name="Hello.txt")
    assert sandbox.get(monitor, token).status_code == 401


@pytest.mark.parametrize("end", ["202", "200"])
def test_the_end_has_the_status_of_the_switch(sandbox: Sandbox, token: str, end: str) -> None:
    sandbox.switch(copy_end=end)
    answer = end_of(sandbox, copy(sandbox, token, "Welcome.txt", name="Hello.txt"))
    assert answer.status_code == int(end)


def test_a_monitor_can_redirect_to_the_item_on_graph(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(copy_end="303")
    answer = end_of(sandbox, copy(sandbox, token, "Welcome.txt", name="Hello.txt"))
    assert answer.headers["Location"].startswith(sandbox.graph_url)
    assert sandbox.get(answer.headers["Location"], token).json()["name"] == "Hello.txt"


def test_a_taken_name_shows_in_the_monitor(sandbox: Sandbox, token: str) -> None:
    answer = end_of(sandbox, copy(sandbox, token, "Welcome.txt"))
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["error"]["code"]) == ("failed", "nameAlreadyExists")


@pytest.mark.parametrize(("conflict", "name"), [("rename", "Welcome 1.txt"), ("replace", "Welcome.txt")])
def test_a_copy_follows_the_conflict_behavior(sandbox: Sandbox, token: str, conflict: str, name: str) -> None:
    query = f"?@microsoft.graph.conflictBehavior={conflict}"
    answer = end_of(sandbox, copy(sandbox, token, "Welcome.txt", query)).json()
    assert sandbox.get(f"/me/drive/items/{answer['resourceId']}", token).json()["name"] == name


def test_a_copy_can_fail_on_demand(sandbox: Sandbox, token: str) -> None:
    sandbox.switch(copy_error="malwareDetected")
    answer = end_of(sandbox, copy(sandbox, token, "Welcome.txt", name="Hello.txt")).json()
    assert (answer["status"], answer["error"]["code"]) == ("failed", "malwareDetected")
    assert sandbox.get(f"{ROOT}:/Hello.txt", token).status_code == 404


def test_a_folder_is_copied_with_all_that_is_in_it_into_another_drive(sandbox: Sandbox, token: str) -> None:
    library = sandbox.get("/sites/root/drive", token).json()["id"]
    reference = {"driveId": library, "id": "root"}
    answer = end_of(sandbox, copy(sandbox, token, "Reports", parentReference=reference)).json()
    copied = sandbox.get(f"/drives/{library}/items/{answer['resourceId']}", token).json()
    assert copied["size"] == sandbox.get(f"{ROOT}:/Reports", token).json()["size"]
    inner = sandbox.get(f"/drives/{library}/root:/Reports/2025/march.txt:/content", token)
    assert inner.text.startswith("Revenue grew")


def test_a_copy_into_a_folder_by_path(sandbox: Sandbox, token: str) -> None:
    reference = {"path": "/drive/root:/Documents"}
    end_of(sandbox, copy(sandbox, token, "Welcome.txt", parentReference=reference))
    assert sandbox.get(f"{ROOT}:/Documents/Welcome.txt", token).status_code == 200


def test_a_folder_is_not_copied_into_itself(sandbox: Sandbox, token: str) -> None:
    reference = {"path": "/drive/root:/Reports/2025"}
    answer = end_of(sandbox, copy(sandbox, token, "Reports", parentReference=reference)).json()
    assert answer["error"]["code"] == "invalidRequest"


def test_a_copy_to_a_drive_of_others_or_to_nowhere_is_refused_at_once(sandbox: Sandbox, token: str) -> None:
    everyone = sandbox.token("Files.Read.All", user=None)
    foreign = sandbox.get(f"/users/priya.nair@{COMPANY}/drive", everyone).json()["id"]
    url = f"{ROOT}:/Welcome.txt:/copy"
    for reference, status in (({"driveId": foreign, "id": "root"}, 403), ({"id": "01NOWHERE"}, 404)):
        answer = sandbox.graph("POST", url, token, json={"parentReference": reference})
        assert answer.status_code == status

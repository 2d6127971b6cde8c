"""Task lists, tasks and what belongs to them in the sandbox, over HTTP."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from .conftest import Sandbox
from .outlook_calls import LUIS, OFFICE, code, key

LISTS = "/me/todo/lists"


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return sandbox.token("Tasks.ReadWrite")


@pytest.fixture
def tasks(sandbox: Sandbox, token: str) -> str:
    """The path of the tasks of a new list."""
    made = sandbox.graph("POST", LISTS, token, json={"displayName": "Travel"})
    assert made.status_code == 201, made.text
    return f"{LISTS}/{key(made.json())}/tasks"


def create(sandbox: Sandbox, token: str, path: str, **body: Any) -> Any:
    answer = sandbox.graph("POST", path, token, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def values(sandbox: Sandbox, token: str, path: str, name: str, **query: str) -> list[Any]:
    answer = sandbox.graph("GET", path, token, params=query)
    assert answer.ok, answer.text
    return [item[name] for item in answer.json()["value"]]


def midnight(day: str, zone: str) -> dict[str, str]:
    return {"dateTime": f"{day}T00:00:00", "timeZone": zone}


def test_every_user_has_lists_that_stay(sandbox: Sandbox, token: str) -> None:
    assert values(sandbox, token, LISTS, "wellknownListName") == ["defaultList", "flaggedEmails", "none"]
    default = f"{LISTS}/{key(sandbox.get(LISTS, token).json()['value'][0])}"
    assert sandbox.graph("DELETE", default, token).status_code == 400
    assert sandbox.graph("PATCH", default, token, json={"displayName": "Mine"}).status_code == 400


def test_lists_are_created_renamed_and_deleted(sandbox: Sandbox, token: str, tasks: str) -> None:
    path = tasks.removesuffix("/tasks")
    delta = sandbox.get(f"{LISTS}/delta", token).json()
    assert "Travel" in [entry["displayName"] for entry in delta["value"]]
    renamed = sandbox.graph("PATCH", path, token, json={"displayName": "Trips"}).json()
    assert sandbox.get(path, token).json()["displayName"] == renamed["displayName"] == "Trips"
    changes = sandbox.get(delta["@odata.deltaLink"], token).json()
    assert [entry["displayName"] for entry in changes["value"]] == ["Trips"]
    assert sandbox.graph("DELETE", path, token).status_code == 204
    assert code(sandbox.get(tasks, token)) == (404, "ErrorItemNotFound")
    removed = sandbox.get(changes["@odata.deltaLink"], token).json()["value"]
    assert removed == [{"id": renamed["id"], "@removed": {"reason": "deleted"}}]
    assert sandbox.graph("POST", LISTS, token, json={"displayName": " "}).status_code == 400


def test_a_task_begins_with_what_to_do_puts_in(sandbox: Sandbox, token: str, tasks: str) -> None:
    task = create(sandbox, token, tasks, title="Book a room")
    assert (task["status"], task["importance"], task["isReminderOn"]) == ("notStarted", "normal", False)
    assert task["body"] == {"contentType": "text", "content": ""}
    assert sandbox.get(f"{tasks}/{key(task)}", token).json()["title"] == "Book a room"


def test_of_a_due_date_only_the_day_in_its_zone_is_kept(sandbox: Sandbox, token: str, tasks: str) -> None:
    due = {"dateTime": "2026-05-04T16:30:00", "timeZone": "Europe/Berlin"}
    task = create(sandbox, token, tasks, title="Pay", dueDateTime=due, reminderDateTime=due)
    assert task["dueDateTime"] == {"dateTime": "2026-05-03T22:00:00.0000000", "timeZone": "UTC"}
    assert task["reminderDateTime"] == {"dateTime": "2026-05-04T14:30:00.0000000", "timeZone": "UTC"}
    cleared = sandbox.graph("PATCH", f"{tasks}/{key(task)}", token, json={"dueDateTime": None}).json()
    assert "dueDateTime" not in cleared


def test_a_completed_task_knows_the_day(sandbox: Sandbox, token: str, tasks: str) -> None:
    path = f"{tasks}/{key(create(sandbox, token, tasks, title='Pay'))}"
    done = sandbox.graph("PATCH", path, token, json={"status": "completed"}).json()
    assert done["completedDateTime"]["dateTime"].endswith("T00:00:00.0000000")
    again = sandbox.graph("PATCH", path, token, json={"status": "inProgress"}).json()
    assert "completedDateTime" not in again


def test_completing_a_task_that_repeats_makes_the_next(sandbox: Sandbox, token: str, tasks: str) -> None:
    weekly = {"pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]}}
    refused = sandbox.graph("POST", tasks, token, json={"title": "Report", "recurrence": weekly})
    assert refused.status_code == 400
    due = midnight("2026-05-04", "Europe/Berlin")
    task = create(sandbox, token, tasks, title="Report", dueDateTime=due, recurrence=weekly)
    assert task["recurrence"]["range"]["startDate"] == "2026-05-04"
    sandbox.graph("PATCH", f"{tasks}/{key(task)}", token, json={"status": "completed"})
    done, following = sandbox.get(tasks, token).json()["value"]
    assert (done["status"], "recurrence" in done) == ("completed", False)
    assert (following["status"], "recurrence" in following) == ("notStarted", True)
    assert following["dueDateTime"]["dateTime"] == "2026-05-10T22:00:00.0000000"


def test_tasks_are_filtered_sorted_and_searched_but_not_selected(
    sandbox: Sandbox, token: str, tasks: str
) -> None:
    for title in ("Book a room", "Cook dinner", "Pay the room"):
        create(sandbox, token, tasks, title=title)
    found = values(sandbox, token, tasks, "title", **{"$filter": "contains(title,'room')"})
    assert found == ["Book a room", "Pay the room"]
    latest = values(sandbox, token, tasks, "title", **{"$orderby": "createdDateTime desc", "$top": "1"})
    assert latest == ["Pay the room"]
    refused = sandbox.graph("GET", tasks, token, params={"$select": "title"})
    assert code(refused) == (400, "RequestBroker--ParseUri")


@pytest.mark.parametrize(
    "body",
    [
        {"status": "soon"}, {"importance": "vital"}, {"isReminderOn": "yes"}, {"misspelt": 1},
        {"dueDateTime": {"dateTime": "soon", "timeZone": "UTC"}},
        {"dueDateTime": midnight("2026-05-04", "Moon")}, {"checklistItems": []},
    ],
)  # fmt: skip
def test_what_is_no_change_of_a_task_is_refused(sandbox: Sandbox, token: str, tasks: str, body: Any) -> None:
    path = f"{tasks}/{key(create(sandbox, token, tasks, title='Pay'))}"
    assert sandbox.graph("PATCH", path, token, json=body).status_code == 400


def test_delta_tells_what_came_changed_and_went(sandbox: Sandbox, token: str, tasks: str) -> None:
    gone, kept = (create(sandbox, token, tasks, title=title) for title in ("One", "Two"))
    link = sandbox.get(f"{tasks}/delta", token).json()["@odata.deltaLink"]
    sandbox.graph("DELETE", f"{tasks}/{key(gone)}", token)
    sandbox.graph("POST", f"{tasks}/{key(kept)}/checklistItems", token, json={"displayName": "Ask"})
    new = create(sandbox, token, tasks, title="Three")
    entries = sandbox.get(link, token).json()["value"]
    assert [entry["id"] for entry in entries] == [gone["id"], kept["id"], new["id"]]
    assert entries[0]["@removed"] == {"reason": "deleted"}


def test_steps_and_links_come_along_when_a_task_is_created(sandbox: Sandbox, token: str, tasks: str) -> None:
    link = {"displayName": "Order 17", "externalId": "17", "applicationName": "CRM"}
    task = create(
        sandbox, token, tasks, title="Pay", checklistItems=[{"displayName": "Ask"}], linkedResources=[link]
    )
    assert task["linkedResources"][0]["externalId"] == "17"
    path = f"{tasks}/{key(task)}"
    assert "checklistItems" not in sandbox.get(path, token).json()
    expanded = sandbox.graph("GET", path, token, params={"$expand": "checklistItems,linkedResources"}).json()
    assert expanded["checklistItems"][0]["displayName"] == "Ask"
    assert expanded["linkedResources"][0]["displayName"] == "Order 17"


@pytest.mark.parametrize(
    ("part", "body", "change"),
    [
        ("checklistItems", {"displayName": "Ask"}, {"isChecked": True}),
        (
            "linkedResources",
            {"displayName": "Order 17", "webUrl": "https://contoso.com/17"},
            {"@odata.type": "#microsoft.graph.linkedResource", "displayName": "Order 17 (paid)"},
        ),
    ],
)
def test_steps_and_links_are_read_changed_and_removed(
    sandbox: Sandbox, token: str, tasks: str, part: str, body: Any, change: Any
) -> None:
    parts = f"{tasks}/{key(create(sandbox, token, tasks, title='Pay'))}/{part}"
    made = create(sandbox, token, parts, **body)
    one = f"{parts}/{made['id']}"
    assert sandbox.get(one, token).json()["displayName"] == body["displayName"]
    changed = sandbox.graph("PATCH", one, token, json=change).json()
    assert change.items() <= changed.items() | {"@odata.type": change.get("@odata.type")}.items()
    if part == "checklistItems":
        assert changed["checkedDateTime"]
    assert values(sandbox, token, parts, "id") == [made["id"]]
    assert sandbox.graph("PATCH", one, token, json={"misspelt": 1}).status_code == 400
    assert sandbox.graph("DELETE", one, token).status_code == 204
    assert code(sandbox.get(one, token)) == (404, "ErrorItemNotFound")


def test_a_small_file_goes_in_one_request(sandbox: Sandbox, token: str, tasks: str) -> None:
    task = f"{tasks}/{key(create(sandbox, token, tasks, title='Pay'))}"
    content = base64.b64encode(b"hello").decode()
    made = create(sandbox, token, f"{task}/attachments", name="hello.txt", contentBytes=content)
    assert (made["size"], made["contentType"]) == (5, "text/plain")
    assert sandbox.get(task, token).json()["hasAttachments"] is True
    assert values(sandbox, token, f"{task}/attachments", "name") == ["hello.txt"]
    one = f"{task}/attachments/{key(made)}"
    assert sandbox.get(one, token).json()["contentBytes"] == content
    assert sandbox.get(f"{one}/$value", token).content == b"hello"
    large = base64.b64encode(bytes(3 * 1024 * 1024)).decode()
    refused = sandbox.graph(
        "POST", f"{task}/attachments", token, json={"name": "large", "contentBytes": large}
    )
    assert refused.status_code == 413
    assert sandbox.graph("DELETE", one, token).status_code == 204
    assert sandbox.get(task, token).json()["hasAttachments"] is False


def test_a_large_file_goes_through_a_session_with_the_token(sandbox: Sandbox, token: str, tasks: str) -> None:
    task = f"{tasks}/{key(create(sandbox, token, tasks, title='Pay'))}"
    data = bytes(range(256)) * 20_000
    half = 4 * 1024 * 1024
    info = {"attachmentType": "file", "name": "plan.pdf", "size": len(data)}
    opened = sandbox.graph(
        "POST", f"{task}/attachments/createUploadSession", token, json={"attachmentInfo": info}
    )
    url = opened.json()["uploadUrl"]
    assert (opened.status_code, opened.json()["nextExpectedRanges"]) == (201, ["0-"])

    def put(start: int, stop: int) -> Any:
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}
        return sandbox.graph("PUT", f"{url}/content", token, data=data[start:stop], headers=headers)

    assert put(0, half).json()["nextExpectedRanges"] == [f"{half}-"]
    assert put(0, half).status_code == 416
    assert sandbox.get(url, token).json()["nextExpectedRanges"] == [f"{half}-"]
    finished = put(half, len(data))
    assert finished.status_code == 201
    assert sandbox.get(f"{finished.headers['Location']}/$value", token).content == data
    assert sandbox.get(url, token).status_code == 404


def test_a_session_is_refused_for_too_much_and_can_be_given_up(
    sandbox: Sandbox, token: str, tasks: str
) -> None:
    task = f"{tasks}/{key(create(sandbox, token, tasks, title='Pay'))}"
    path = f"{task}/attachments/createUploadSession"
    info = {"attachmentType": "file", "name": "plan.pdf", "size": 26 * 1024 * 1024}
    assert sandbox.graph("POST", path, token, json={"attachmentInfo": info}).status_code == 400
    info["size"] = 5_000_000
    url = sandbox.graph("POST", path, token, json={"attachmentInfo": info}).json()["uploadUrl"]
    assert sandbox.graph("DELETE", url, token).status_code == 204
    assert sandbox.get(url, token).status_code == 404


def test_reading_does_not_open_writing(sandbox: Sandbox) -> None:
    reader = sandbox.token("Tasks.Read")
    assert values(sandbox, reader, LISTS, "id")
    assert sandbox.get(f"{LISTS}/delta", reader).status_code == 200
    refused = sandbox.graph("POST", LISTS, reader, json={"displayName": "Travel"})
    assert code(refused) == (403, "ErrorAccessDenied")


def test_the_tasks_of_others_need_their_trust(sandbox: Sandbox, token: str) -> None:
    office, luis = f"/users/{OFFICE}/todo/lists", f"/users/{LUIS}/todo/lists"
    assert values(sandbox, token, office, "wellknownListName") == ["defaultList", "flaggedEmails"]
    assert code(sandbox.get(luis, token)) == (403, "ErrorAccessDenied")
    sandbox.switch(delegates_reach_settings_and_tasks=False)
    assert code(sandbox.get(office, token)) == (403, "ErrorAccessDenied")
    assert sandbox.get(LISTS, token).status_code == 200


def test_an_app_without_user_reaches_all_tasks(sandbox: Sandbox) -> None:
    app = sandbox.token("Tasks.ReadWrite.All", user=None)
    path = f"/users/{LUIS}/todo/lists"
    made = create(sandbox, app, path, displayName="From the app")
    create(sandbox, app, f"{path}/{key(made)}/tasks", title="Pay")
    assert values(sandbox, app, f"{path}/{key(made)}/tasks", "title") == ["Pay"]
    plain = sandbox.token("Tasks.ReadWrite", user=None)
    assert code(sandbox.get(path, plain)) == (403, "ErrorAccessDenied")

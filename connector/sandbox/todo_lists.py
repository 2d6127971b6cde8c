"""The task lists of Microsoft To Do: list, read, create, rename, delete, delta. Tasks: `todo_tasks`."""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .outlook import check_properties
from .scopes import TASKS_READ, TASKS_WRITE
from .todo_store import open_todo

_LISTS = "/users/{user}/todo/lists"
_ONE = f"{_LISTS}/{{todo_list}}"
_KNOWN = ("id", "displayName", "extensions", "isOwner", "isShared", "wellknownListName")


def _name(body: Item) -> str:
    check_properties(body, _KNOWN, "todoTaskList")
    name = body.get("displayName")
    if not isinstance(name, str) or not name.strip():
        raise GraphError(400, "invalidRequest", "The displayName of a list must not be empty.")
    return name


@route("GET", _LISTS, TASKS_READ)
def list_lists(call: Call, user: str) -> Answer:
    """All lists."""
    return call.collection(open_todo(call, user).lists, default_page=100, paging="$skip")


@route("POST", _LISTS, TASKS_WRITE)
def create_list(call: Call, user: str) -> Answer:
    """A new list."""
    store = open_todo(call, user)
    made = store.add_list(_name(call.json_body()), call.now)
    return call.entity(made, status=201, context=f"{call.context}/$entity")


@route("GET", f"{_LISTS}/delta", TASKS_READ)
def lists_delta(call: Call, user: str) -> Answer:
    """The changes of the lists."""
    store = open_todo(call, user)
    return call.changes(store.lists, stream=f"todo/{call.user_of(user)['id']}")


@route("GET", _ONE, TASKS_READ)
def get_list(call: Call, user: str, todo_list: str) -> Answer:
    """One list."""
    return call.entity(open_todo(call, user).task_list(todo_list))


@route("PATCH", _ONE, TASKS_WRITE)
def update_list(call: Call, user: str, todo_list: str) -> Answer:
    """Rename a list."""
    store = open_todo(call, user)
    found = store.own_list(todo_list)
    found["displayName"] = _name(call.json_body())
    store.lists.touch(found["id"], call.now)
    return call.entity(found)


@route("DELETE", _ONE, TASKS_WRITE)
def delete_list(call: Call, user: str, todo_list: str) -> Answer:
    """Delete a list with its tasks."""
    store = open_todo(call, user)
    found = store.own_list(todo_list)
    store.lists.remove(found["id"], call.now)
    del store.tasks[found["id"]]
    return Answer(status=204)

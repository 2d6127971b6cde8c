"""The tasks of Microsoft To Do: list, read, create, change, delete, delta. Their steps: `todo_parts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .scopes import TASKS_READ, TASKS_WRITE
from .todo_parts import new_link, new_step
from .todo_store import PARTS, open_todo

_TASKS = "/users/{user}/todo/lists/{todo_list}/tasks"
_ONE = f"{_TASKS}/{{task}}"
_EXPAND: Mapping[str, Callable[[Item], list[Item]]] = {
    name: lambda task, kept=kept: task[kept]  # type: ignore[misc]
    for name, kept in PARTS.items()
}


@route("GET", _TASKS, TASKS_READ)
def list_tasks(call: Call, user: str, todo_list: str) -> Answer:
    """The tasks of one list."""
    store = open_todo(call, user)
    delay = call.world.switches.read_after_write_delay_seconds
    tasks = store.tasks[store.task_list(todo_list)["id"]].visible(call.now, delay)
    return call.collection(tasks, default_page=20, paging="$skip", expand=_EXPAND)


@route("POST", _TASKS, TASKS_WRITE)
def create_task(call: Call, user: str, todo_list: str) -> Answer:
    """A new task, with its steps and links."""
    store, body = open_todo(call, user), call.json_body()
    plain = {name: value for name, value in body.items() if name not in PARTS}
    steps = [new_step(call, entry) for entry in body.get("checklistItems") or []]
    links = [new_link(call, entry) for entry in body.get("linkedResources") or []]
    task = store.add_task(todo_list, plain, call.now)
    task |= {"_steps": steps, "_links": links, "_extensions": body.get("extensions") or []}
    given = {name: task[kept] for name, kept in PARTS.items() if name in body}
    return call.entity(task | given, status=201, context=f"{call.context}/$entity")


@route("GET", f"{_TASKS}/delta", TASKS_READ)
def tasks_delta(call: Call, user: str, todo_list: str) -> Answer:
    """The changes of the tasks of one list."""
    store = open_todo(call, user)
    list_id = store.task_list(todo_list)["id"]
    return call.changes(store.tasks[list_id], stream=f"todo/{list_id}")


@route("GET", _ONE, TASKS_READ)
def get_task(call: Call, user: str, todo_list: str, task: str) -> Answer:
    """One task."""
    return call.entity(open_todo(call, user).task(todo_list, task), expand=_EXPAND)


@route("PATCH", _ONE, TASKS_WRITE)
def update_task(call: Call, user: str, todo_list: str, task: str) -> Answer:
    """Change some properties; steps and links are changed at their own paths."""
    store, body = open_todo(call, user), call.json_body()
    found = store.task(todo_list, task)
    for name in PARTS:
        if name in body:
            raise GraphError(400, "invalidRequest", f"'{name}' cannot be changed along with the task.")
    call.check_if_match(found["@odata.etag"])
    return call.entity(store.change(found, body, call.now))


@route("DELETE", _ONE, TASKS_WRITE)
def delete_task(call: Call, user: str, todo_list: str, task: str) -> Answer:
    """Delete a task."""
    store = open_todo(call, user)
    found = store.task(todo_list, task)
    store.tasks[found["_list"]].remove(found["id"], call.now)
    return Answer(status=204)

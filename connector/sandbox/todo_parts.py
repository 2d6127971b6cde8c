"""The steps and the links of a task of Microsoft To Do. Its files are left to `todo_attachments`.

Source: Microsoft: checklistItem, linkedResource resource types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .outlook import check_properties, not_found, precise_timestamp
from .scopes import TASKS_READ, TASKS_WRITE
from .todo_store import open_todo

_TASK = "/users/{user}/todo/lists/{todo_list}/tasks/{task}"
_STEPS = f"{_TASK}/checklistItems"
_LINKS = f"{_TASK}/linkedResources"
_STEP_PROPERTIES = ("id", "displayName", "isChecked", "checkedDateTime", "createdDateTime")
_LINK_PROPERTIES = ("id", "displayName", "webUrl", "applicationName", "externalId")


def new_step(call: Call, given: Any) -> Item:
    """A step as a body describes it; raises 400."""
    step = {
        "id": call.world.new_guid(), "displayName": "", "isChecked": False, "checkedDateTime": None,
        "createdDateTime": precise_timestamp(call.now),
    }  # fmt: skip
    return _write_step(call, step, given)


def _write_step(call: Call, step: Item, given: Any) -> Item:
    changes = _checked(given, _STEP_PROPERTIES, "checklistItem")
    if not isinstance(changes.get("isChecked", False), bool | None):
        raise GraphError(400, "RequestBodyRead", "Cannot convert the value of 'isChecked' to 'Edm.Boolean'.")
    step |= changes
    if not step["isChecked"]:
        step["checkedDateTime"] = None
    elif not step["checkedDateTime"]:
        step["checkedDateTime"] = precise_timestamp(call.now)
    return step


def new_link(call: Call, given: Any) -> Item:
    """A link as a body describes it; raises 400."""
    link: Item = {"id": call.world.new_guid(), **dict.fromkeys(_LINK_PROPERTIES[1:])}
    return _write_link(call, link, given)


def _write_link(call: Call, link: Item, given: Any) -> Item:
    link |= _checked(given, _LINK_PROPERTIES, "linkedResource")
    return link


def _checked(given: Any, known: tuple[str, ...], kind: str) -> Item:
    if not isinstance(given, dict):
        raise GraphError(400, "RequestBodyRead", f"The value is not a valid {kind}.")
    check_properties(given, known, kind)
    return {name: value for name, value in given.items() if name != "id" and not name.startswith("@")}


def _find(items: list[Item], key: str) -> Item:
    found = next((item for item in items if item["id"] == key), None)
    if found is None:
        raise not_found()
    return found


def _parts(path: str, kept: str, new: Callable[[Call, Any], Item], write: Callable[..., Item]) -> None:
    """The five routes of the parts that a task keeps under `kept`."""

    @route("GET", path, TASKS_READ)
    def list_parts(call: Call, user: str, todo_list: str, task: str) -> Answer:
        return call.collection(open_todo(call, user).task(todo_list, task)[kept], default_page=20)

    @route("POST", path, TASKS_WRITE)
    def create_part(call: Call, user: str, todo_list: str, task: str) -> Answer:
        store = open_todo(call, user)
        found = store.task(todo_list, task)
        made = new(call, call.json_body())
        found[kept].append(made)
        store.touch(found, call.now)
        return call.entity(made, status=201, context=f"{call.context}/$entity")

    @route("GET", f"{path}/{{part}}", TASKS_READ)
    def get_part(call: Call, user: str, todo_list: str, task: str, part: str) -> Answer:
        return call.entity(_find(open_todo(call, user).task(todo_list, task)[kept], part))

    @route("PATCH", f"{path}/{{part}}", TASKS_WRITE)
    def update_part(call: Call, user: str, todo_list: str, task: str, part: str) -> Answer:
        store = open_todo(call, user)
        found = store.task(todo_list, task)
        changed = write(call, _find(found[kept], part), call.json_body())
        store.touch(found, call.now)
        return call.entity(changed)

    @route("DELETE", f"{path}/{{part}}", TASKS_WRITE)
    def delete_part(call: Call, user: str, todo_list: str, task: str, part: str) -> Answer:
        store = open_todo(call, user)
        found = store.task(todo_list, task)
        found[kept].remove(_find(found[kept], part))
        store.touch(found, call.now)
        return Answer(status=204)


_parts(_STEPS, "_steps", new_step, _write_step)
_parts(_LINKS, "_links", new_link, _write_link)

"""The categories of a mailbox: their names and colours. Messages and events refer to them by name.

Source: Microsoft: outlookCategory resource type.
"""

from __future__ import annotations

from .answers import Answer, GraphError
from .call import Call
from .changelog import Collection, Item
from .graph import route
from .outlook import check_properties, not_found, one_of, settings_owner
from .scopes import MAILBOX_SETTINGS_READ, MAILBOX_SETTINGS_WRITE

_ALL = "/users/{user}/outlook/masterCategories"
_ONE = f"{_ALL}/{{category}}"
_COLORS = ("none", *(f"preset{number}" for number in range(25)))
_AT_FIRST = {
    "Red category": "preset0", "Orange category": "preset1", "Yellow category": "preset3",
    "Green category": "preset4", "Blue category": "preset7", "Purple category": "preset8",
}  # fmt: skip
"""What every new mailbox has."""


def _categories(call: Call, user: str) -> Collection:
    """The categories of a mailbox, made on first use; raises 403 and 404 as `settings_owner` does."""
    owner = settings_owner(call, user)
    return call.tenant.part(("masterCategories", owner["id"]), lambda: _first(call))


def _first(call: Call) -> Collection:
    categories = Collection()
    for name, color in _AT_FIRST.items():
        categories.add({"id": call.world.new_guid(), "displayName": name, "color": color}, call.now)
    return categories


def _found(categories: Collection, key: str) -> Item:
    found = categories.get(key.casefold())
    if found is None:
        raise not_found()
    return found


def _entity(call: Call, user: str, category: Item, status: int = 200) -> Answer:
    context = f"users('{user}')/outlook/masterCategories/$entity"
    return call.entity(category, status=status, context=context, always=("id",))


@route("GET", _ALL, MAILBOX_SETTINGS_READ)
def list_categories(call: Call, user: str) -> Answer:
    """All of them, in the order in which they were made."""
    return call.collection(_categories(call, user), default_page=1000, always=("id",))


@route("POST", _ALL, MAILBOX_SETTINGS_WRITE)
def create_category(call: Call, user: str) -> Answer:
    """A new category, whose name is not taken."""
    categories, body = _categories(call, user), call.json_body()
    check_properties(body, ("displayName", "color"), "outlookCategory")
    name = body.get("displayName")
    if not isinstance(name, str) or not name.strip():
        raise GraphError(400, "ErrorInvalidRequest", "The displayName of a category must not be empty.")
    if any(category["displayName"].casefold() == name.casefold() for category in categories):
        raise GraphError(409, "CategoryNameDuplicate", f"There is a category with the name '{name}' already.")
    color = one_of(body.get("color") or "none", _COLORS)
    category = {"id": call.world.new_guid(), "displayName": name, "color": color}
    return _entity(call, user, categories.add(category, call.now), status=201)


@route("GET", _ONE, MAILBOX_SETTINGS_READ)
def get_category(call: Call, user: str, category: str) -> Answer:
    """One category."""
    return _entity(call, user, _found(_categories(call, user), category))


@route("PATCH", _ONE, MAILBOX_SETTINGS_WRITE)
def update_category(call: Call, user: str, category: str) -> Answer:
    """Another colour; the name stays what it is."""
    categories, body = _categories(call, user), call.json_body()
    check_properties(body, ("displayName", "color"), "outlookCategory")
    found = _found(categories, category)
    if body.get("displayName", found["displayName"]) != found["displayName"]:
        raise GraphError(400, "ErrorInvalidRequest", "The displayName of a category cannot be changed.")
    found["color"] = one_of(body.get("color", found["color"]) or "none", _COLORS)
    categories.touch(found["id"], call.now)
    return _entity(call, user, found)


@route("DELETE", _ONE, MAILBOX_SETTINGS_WRITE)
def delete_category(call: Call, user: str, category: str) -> Answer:
    """Off the list; what was given the category keeps its name."""
    categories = _categories(call, user)
    categories.remove(_found(categories, category)["id"], call.now)
    return Answer(status=204)

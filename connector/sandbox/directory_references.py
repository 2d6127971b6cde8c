"""References between directory objects: `@odata.id`, `…@odata.bind`, and what they point at.

Source: Microsoft Graph reference, Add members; Create group.
"""

from __future__ import annotations

from typing import Any

from .answers import GraphError
from .call import Call
from .changelog import Item


def bad_request(message: str) -> GraphError:
    """The error for a request that the directory understands and refuses."""
    return GraphError(400, "Request_BadRequest", message)


def not_found(key: str) -> GraphError:
    """The error for an id that no object of the directory has."""
    return GraphError(
        404, "Request_ResourceNotFound",
        f"Resource '{key}' does not exist or one of its queried reference-property objects are not present.",
    )  # fmt: skip


def find_object(call: Call, key: str) -> Item:
    """A user, by id or principal name, or a group, with its `@odata.type`; raises 404."""
    user = call.tenant.find_user(key)
    if user is not None:
        return {"@odata.type": "#microsoft.graph.user", **user}
    group = call.tenant.groups.get(key.casefold())
    if group is not None:
        return {"@odata.type": "#microsoft.graph.group", **group}
    raise not_found(key)


def referenced(call: Call, reference: Any) -> Item:
    """The object that an address such as `https://host/v1.0/users/{id}` names; raises 400, 404."""
    if not isinstance(reference, str) or "/" not in reference:
        raise bad_request("Invalid URL format specified in @odata.id or @odata.bind.")
    return find_object(call, reference.rstrip("/").rpartition("/")[2])


def objects(call: Call, ids: list[str]) -> list[Item]:
    """The objects with these ids, those that are gone left out."""
    known = (*call.tenant.users.items, *call.tenant.groups.items)
    return [find_object(call, object_id) for object_id in ids if object_id in known]

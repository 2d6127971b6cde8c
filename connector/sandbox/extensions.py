"""Open extensions: data of one's own on a message, under a name of one's own.

Source: Microsoft: openTypeExtension resource type; Create open extension.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .mailbox import Mailbox, open_mailbox
from .outlook import not_found
from .scopes import MAIL_READ, MAIL_WRITE

_TYPE = "microsoft.graph.openTypeExtension"
_MESSAGE = "/users/{user}/messages/{message}/extensions"
_EXPANDED_FILTER = re.compile(r"\bextensions\s*\(\s*\$filter=id eq '([^']*)'\s*\)")
_OWN_NAMES = ("@odata.type", "id", "extensionName")


def new_extension(given: Any) -> Item:
    """An extension as a body describes it; raises 400."""
    if not isinstance(given, dict) or str(given.get("@odata.type", "")).lstrip("#") != _TYPE:
        raise GraphError(400, "BadRequest", f"An extension needs the @odata.type '{_TYPE}'.")
    name = given.get("extensionName")
    if not isinstance(name, str) or not name:
        raise GraphError(400, "BadRequest", "An extension needs an extensionName.")
    return {"@odata.type": f"#{_TYPE}", "id": f"{_TYPE}.{name}", "extensionName": name} | _data(given)


def _data(given: Item) -> Item:
    return {name: value for name, value in given.items() if name not in _OWN_NAMES}


def kept_extensions(item: Item) -> list[Item]:
    """The extensions of an item, which keeps them under `_extensions`."""
    kept: list[Item] = item["_extensions"]
    return kept


def add_extension(item: Item, given: Any) -> Item:
    """Hang an extension on an item; raises 400, and 409 when it has one of this name."""
    extension = new_extension(given)
    if any(_is_named(kept, extension["id"]) for kept in kept_extensions(item)):
        raise GraphError(409, "NameAlreadyExists", "An extension already exists with given id.")
    kept_extensions(item).append(extension)
    return extension


def expanded_extensions(call: Call) -> Callable[[Item], list[Item]]:
    """What `$expand=extensions` shows of an item, all or the one that its filter names."""
    match = _EXPANDED_FILTER.search(call.query.get("$expand", ""))
    return lambda item: [
        extension for extension in kept_extensions(item) if match is None or _is_named(extension, match[1])
    ]


def _is_named(extension: Item, key: str) -> bool:
    return key.casefold() in (extension["id"].casefold(), extension["extensionName"].casefold())


def _found(item: Item, key: str) -> Item:
    for extension in kept_extensions(item):
        if _is_named(extension, key):
            return extension
    raise not_found()


def _entity(call: Call, extension: Item, status: int = 200) -> Answer:
    return call.entity(extension, status=status, always=("@odata.type", "id", "extensionName"))


@route("GET", _MESSAGE, MAIL_READ)
def list_extensions(call: Call, user: str, message: str) -> Answer:
    """The extensions of a message."""
    item = open_mailbox(call, user).message(message)
    return call.collection(kept_extensions(item), always=("@odata.type", "id", "extensionName"))


@route("POST", _MESSAGE, MAIL_WRITE)
def create_extension(call: Call, user: str, message: str) -> Answer:
    """A new extension of a message."""
    mailbox = open_mailbox(call, user)
    item = mailbox.message(message)
    extension = add_extension(item, call.json_body())
    mailbox.touch(item, call.now)
    return _entity(call, extension, status=201)


@route("GET", f"{_MESSAGE}/{{extension}}", MAIL_READ)
def get_extension(call: Call, user: str, message: str, extension: str) -> Answer:
    """One extension, by its name or its id."""
    return _entity(call, _found(open_mailbox(call, user).message(message), extension))


@route("PATCH", f"{_MESSAGE}/{{extension}}", MAIL_WRITE)
def update_extension(call: Call, user: str, message: str, extension: str) -> Answer:
    """Set some of its properties."""
    mailbox, item, found = _opened(call, user, message, extension)
    found |= _data(call.json_body())
    mailbox.touch(item, call.now)
    return _entity(call, found)


@route("DELETE", f"{_MESSAGE}/{{extension}}", MAIL_WRITE)
def delete_extension(call: Call, user: str, message: str, extension: str) -> Answer:
    """Take an extension off."""
    mailbox, item, found = _opened(call, user, message, extension)
    kept_extensions(item).remove(found)
    mailbox.touch(item, call.now)
    return Answer(status=204)


def _opened(call: Call, user: str, message: str, extension: str) -> tuple[Mailbox, Item, Item]:
    mailbox = open_mailbox(call, user)
    item = mailbox.message(message)
    return mailbox, item, _found(item, extension)

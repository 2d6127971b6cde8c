"""Open extensions of events. What an extension is, `extensions` knows."""

from __future__ import annotations

from .answers import Answer
from .call import Call
from .changelog import Item
from .event_items import Event, open_event
from .extensions import add_extension, kept_extensions
from .graph import route
from .outlook import not_found
from .scopes import CALENDARS_READ, CALENDARS_WRITE

_EVENT = "/users/{user}/events/{event}/extensions"
_ALWAYS = ("@odata.type", "id", "extensionName")


def _found(event: Event, key: str) -> Item:
    for extension in kept_extensions(event.item):
        if key.casefold() in (extension["id"].casefold(), extension["extensionName"].casefold()):
            return extension
    raise not_found()


@route("GET", _EVENT, CALENDARS_READ)
def list_extensions(call: Call, user: str, event: str) -> Answer:
    return call.collection(kept_extensions(open_event(call, user, event).item), always=_ALWAYS)


@route("POST", _EVENT, CALENDARS_WRITE)
def create_extension(call: Call, user: str, event: str) -> Answer:
    found = open_event(call, user, event)
    extension = add_extension(found.item, call.json_body())
    found.touch(call.now)
    return call.entity(extension, status=201, always=_ALWAYS)


@route("GET", f"{_EVENT}/{{extension}}", CALENDARS_READ)
def get_extension(call: Call, user: str, event: str, extension: str) -> Answer:
    return call.entity(_found(open_event(call, user, event), extension), always=_ALWAYS)


@route("DELETE", f"{_EVENT}/{{extension}}", CALENDARS_WRITE)
def delete_extension(call: Call, user: str, event: str, extension: str) -> Answer:
    found = open_event(call, user, event)
    kept_extensions(found.item).remove(_found(found, extension))
    found.touch(call.now)
    return Answer(status=204)

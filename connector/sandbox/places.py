"""Places: the rooms of a company and the lists that they are in.

Sources: Microsoft: List places, Get place, Update place; room and roomList resource types.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .outlook import check_properties
from .scopes import PLACES_READ, PLACES_WRITE

_ROOM, _LIST = "#microsoft.graph.room", "#microsoft.graph.roomList"
_COMMON = (
    "address", "geoCoordinates", "phone", "label", "isWheelChairAccessible", "tags", "parentId",
)  # fmt: skip
_WRITABLE = {
    _ROOM: (
        *_COMMON, "nickname", "building", "floorNumber", "floorLabel", "capacity", "bookingType",
        "audioDeviceName", "videoDeviceName", "displayDeviceName", "teamsEnabledState", "displayName",
    ),
    _LIST: (*_COMMON, "displayName"),
}  # fmt: skip
_SEEDED = (
    ("Building 1", ("Lisbon", 6, 1), ("Oslo", 12, 2)),
    (
        "Building 2",
        ("Quito", 4, 1),
    ),
)


@dataclass(slots=True)
class Places:
    """The rooms and room lists of one company, by id."""

    rooms: dict[str, Item] = field(default_factory=dict)
    lists: dict[str, Item] = field(default_factory=dict)


def _places(call: Call) -> Places:
    return call.tenant.part("places", lambda: _first(call))


def _first(call: Call) -> Places:
    places, domain = Places(), call.tenant.domains[0]
    for building, *rooms in _SEEDED:
        alias = building.replace(" ", "").lower()
        above = _place(call, _LIST, building, f"{alias}@{domain}")
        places.lists[above["id"]] = above
        for name, seats, floor in rooms:
            place = _place(call, _ROOM, f"Conf Room {name}", f"{name.lower()}@{domain}") | {
                "nickname": name, "building": building, "floorNumber": floor, "floorLabel": str(floor),
                "capacity": seats, "bookingType": "standard", "audioDeviceName": None,
                "videoDeviceName": "Camera", "displayDeviceName": "Screen", "teamsEnabledState": "enabled",
                "_list": above["id"],
            }  # fmt: skip
            places.rooms[place["id"]] = place
    return places


def _place(call: Call, kind: str, name: str, address: str) -> Item:
    guid = call.world.new_guid()
    return {
        "@odata.type": kind, "id": guid, "placeId": guid, "displayName": name, "emailAddress": address,
        "phone": "+1 555 0100", "label": None, "tags": [], "parentId": None, "isWheelChairAccessible": True,
        "geoCoordinates": {"latitude": 47.0, "longitude": -122.0},
        "address": {"street": "4567 Main Street", "city": "Buffalo", "state": "NY", "postalCode": "98052",
                    "countryOrRegion": "USA"},
    }  # fmt: skip


def _found(places: dict[str, Item], key: str) -> Item:
    """A place by id or e-mail address; raises 404."""
    for place in places.values():
        if key.casefold() in (place["id"], place["emailAddress"].casefold()):
            return place
    raise GraphError(404, "ErrorItemNotFound", f"The place '{key}' was not found.")


@route("GET", "/places/room", PLACES_READ)
def list_rooms(call: Call) -> Answer:
    return call.collection(_places(call).rooms.values(), default_page=100, always=("id",))


@route("GET", "/places/roomList", PLACES_READ)
def list_room_lists(call: Call) -> Answer:
    return call.collection(_places(call).lists.values(), default_page=100, always=("id",))


@route("GET", "/places/{place}/roomList/rooms", PLACES_READ)
def list_rooms_in_list(call: Call, place: str) -> Answer:
    places = _places(call)
    above = _found(places.lists, place)["id"]
    inside = [room for room in places.rooms.values() if room["_list"] == above]
    return call.collection(inside, default_page=100, always=("id",))


@route("GET", "/places/{place}/room", PLACES_READ)
def get_room(call: Call, place: str) -> Answer:
    return call.entity(_found(_places(call).rooms, place), context="places/microsoft.graph.room/$entity")


@route("GET", "/places/{place}/roomList", PLACES_READ)
def get_room_list(call: Call, place: str) -> Answer:
    return call.entity(_found(_places(call).lists, place), context="places/microsoft.graph.roomList/$entity")


@route("GET", "/places/{place}", PLACES_READ)
def get_place(call: Call, place: str) -> Answer:
    places = _places(call)
    return call.entity(_found(places.rooms | places.lists, place), context="places/$entity")


@route("PATCH", "/places/{place}", PLACES_WRITE)
def update_place(call: Call, place: str) -> Answer:
    """The body says of which kind the place is."""
    places, body = _places(call), call.json_body()
    found = _found(places.rooms | places.lists, place)
    kind = "#" + str(body.get("@odata.type", "")).lstrip("#")
    if kind != found["@odata.type"]:
        raise GraphError(
            400, "BadRequest", f"The place is of the type '{found['@odata.type'][1:]}': name it."
        )
    changes = {name: value for name, value in body.items() if name != "@odata.type"}
    check_properties(changes, _WRITABLE[kind], kind.rpartition(".")[2])
    found |= changes
    return call.entity(found, context="places/$entity")

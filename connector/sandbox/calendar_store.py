"""The calendars of one owner, a user or a group: calendar groups, calendars, and the events in them.

Events are Graph-shaped; each calendar has a collection of its own, which is its delta stream. What an event
is, and routes, are left to `event_items`, `calendars` and `events`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from .answers import GraphError
from .call import Call
from .changelog import Collection, Item
from .outlook import Ids, email_address, not_found
from .state import Tenant, World

MY_CALENDARS_CLASS = "0006f0b7-0000-0000-c000-000000000046"


@dataclass(slots=True)
class CalendarStore:
    """Calendar groups, calendars and events of one owner."""

    world: World
    owner: Item
    groups: Collection = field(default_factory=Collection)
    calendars: Collection = field(default_factory=Collection)
    events: dict[str, Collection] = field(default_factory=dict)
    """The events of each calendar, by calendar id."""
    ids: Ids = field(default_factory=Ids)
    default_id: str = ""
    default_group_id: str = ""

    def __post_init__(self) -> None:
        now = self.world.clock.now()
        self.default_group_id = self.add_group("My Calendars", now)["id"]
        self.groups.items[self.default_group_id]["classId"] = MY_CALENDARS_CLASS
        calendar = self.add_calendar("Calendar", self.default_group_id, now)
        calendar |= {"isDefaultCalendar": True, "isRemovable": False, "canShare": True}
        self.default_id = calendar["id"]

    def add_group(self, name: str, now: datetime) -> Item:
        """A new calendar group; raises 409 when there is one of this name."""
        _check_name(self.groups, name)
        return self.groups.add(
            {"id": self.world.new_id("AQMk"), "name": name, "classId": self.world.new_guid(),
             "changeKey": self.world.new_id("")[:24]},
            now,
        )  # fmt: skip

    def add_calendar(self, name: str, group_id: str, now: datetime) -> Item:
        """A new, empty calendar; raises 409 when there is one of this name."""
        _check_name(self.calendars, name)
        calendar: Item = {
            "id": self.world.new_id("AQMk"), "name": name, "color": "auto", "hexColor": "",
            "isDefaultCalendar": False, "changeKey": self.world.new_id("")[:24], "canShare": False,
            "canViewPrivateItems": True, "canEdit": True,
            "allowedOnlineMeetingProviders": ["teamsForBusiness"],
            "defaultOnlineMeetingProvider": "teamsForBusiness", "isTallyingResponses": True,
            "isRemovable": True, "owner": email_address(self.owner), "_group": group_id,
        }  # fmt: skip
        self.events[calendar["id"]] = Collection()
        return self.calendars.add(calendar, now)

    def remove_calendar(self, calendar: Item, now: datetime) -> None:
        """Remove a calendar with its events; raises 403 for the default one."""
        if not calendar["isRemovable"]:
            raise GraphError(403, "ErrorDeleteDistinguishedFolder", "The default calendar cannot be deleted.")
        self.calendars.remove(calendar["id"], now)
        del self.events[calendar["id"]]

    def free_name(self, name: str, calendar: Item) -> str:
        """A new name for a calendar; raises 409 when another one has it."""
        if name.casefold() != calendar["name"].casefold():
            _check_name(self.calendars, name)
        return name

    def group(self, key: str) -> Item:
        """A calendar group by id; raises 404."""
        found = self.groups.get(key)
        if found is None:
            raise not_found()
        return found

    def calendar(self, key: str | None = None, group: str | None = None) -> Item:
        """A calendar by id, the default one without; in a group if given. Raises 404."""
        found = self.calendars.get(key or self.default_id)
        if found is None or (group is not None and found["_group"] != self.group(group)["id"]):
            raise not_found()
        return found

    def add_event(self, event: Item, calendar_id: str, now: datetime) -> Item:
        """Let an event come into a calendar."""
        event["_calendar"] = calendar_id
        self.ids.enter(self.world, event["id"], calendar_id)
        return self.events[calendar_id].add(event, now)

    def remove_event(self, event: Item, now: datetime) -> None:
        """Take an event out of its calendar."""
        self.events[event["_calendar"]].remove(event["id"], now)
        self.ids.leave(event["id"], event["_calendar"])

    def event(self, key: str) -> Item:
        """An event by either form of its id; raises 400 or 404."""
        lasting = self.ids.lasting(key)
        for events in self.events.values():
            if lasting in events:
                return events.items[lasting]
        raise not_found()

    def by_ical_uid(self, ical_uid: str) -> Item | None:
        """The event with an id that all copies of a meeting share, or None."""
        for events in self.events.values():
            for event in events:
                if event["iCalUId"] == ical_uid:
                    return event
        return None


def _check_name(existing: Collection, name: str) -> None:
    if any(item["name"].casefold() == name.casefold() for item in existing):
        raise GraphError(
            409, "ErrorFolderExists", f"A folder with the specified name already exists., {name}"
        )


def store_of(world: World, tenant: Tenant, owner: Item) -> CalendarStore:
    """The calendars of a user or a group, made on first use."""
    return tenant.part(("calendars", owner["id"]), lambda: CalendarStore(world, owner))


def open_store(call: Call, user: str | None = None, group: str | None = None) -> CalendarStore:
    """The calendars that a request is about; raises 403 and 404."""
    if group is None:
        return store_of(call.world, call.tenant, call.mailbox_owner(str(user)))
    owner = call.tenant.groups.get(group)
    if owner is None:
        raise GraphError(
            404, "Request_ResourceNotFound",
            f"Resource '{group}' does not exist or one of its queried reference-property objects are not "
            "present.",
        )  # fmt: skip
    if call.user is not None and call.user["id"] not in call.tenant.members.get(group, []):
        raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    return store_of(call.world, call.tenant, owner)

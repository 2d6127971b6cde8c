"""The task lists of one user in Microsoft To Do, the tasks in them, and what a task is made of.

Lists and tasks are Graph-shaped; the lists are one delta stream, the tasks of each list another. Routes are
left to `todo_lists`, `todo_tasks` and `todo_parts`. Source: Microsoft: todoTaskList, todoTask resource types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from .answers import GraphError
from .call import Call
from .changelog import Collection, Item
from .event_items import date_time
from .outlook import check_properties, not_found, one_of, precise_timestamp, settings_owner, stored_body
from .recurrence import checked_recurrence, occurrence_dates
from .seed import seeder
from .state import Tenant, World
from .time_zones import time_zone

PARTS = {"checklistItems": "_steps", "linkedResources": "_links", "extensions": "_extensions"}
"""What belongs to a task and is shown on demand: its name at Graph, and where the task keeps it."""

_STATUSES = ("notStarted", "inProgress", "completed", "waitingOnOthers", "deferred")
_DAYS = ("dueDateTime", "startDateTime", "completedDateTime")
_READ_ONLY = {"id", "createdDateTime", "lastModifiedDateTime", "bodyLastModifiedDateTime", "hasAttachments"}
_KNOWN = {
    "title", "body", "importance", "status", "isReminderOn", "reminderDateTime", "recurrence", "categories",
    *_DAYS, *_READ_ONLY,
}  # fmt: skip


@dataclass(slots=True)
class TodoStore:
    """The task lists and tasks of one owner."""

    world: World
    lists: Collection = field(default_factory=Collection)
    tasks: dict[str, Collection] = field(default_factory=dict)
    """The tasks of each list, by list id."""

    def __post_init__(self) -> None:
        now = self.world.clock.now()
        self.add_list("Tasks", now, kind="defaultList")
        self.add_list("Flagged email", now, kind="flaggedEmails")

    def add_list(self, name: str, now: datetime, *, kind: str = "none") -> Item:
        """A new, empty list; several may have one name."""
        made: Item = {
            "@odata.etag": self._etag(), "id": self.world.new_id("AAMk"), "displayName": name,
            "isOwner": True, "isShared": False, "wellknownListName": kind,
        }  # fmt: skip
        self.tasks[made["id"]] = Collection()
        return self.lists.add(made, now)

    def task_list(self, key: str) -> Item:
        """A list by id; raises 404."""
        found = self.lists.get(key)
        if found is None:
            raise not_found()
        return found

    def own_list(self, key: str) -> Item:
        """A list that can be renamed and deleted; raises 400 for those that To Do has made, 404."""
        found = self.task_list(key)
        if found["wellknownListName"] != "none":
            raise GraphError(400, "invalidRequest", "A list that To Do has made cannot be changed.")
        return found

    def task(self, list_key: str, key: str) -> Item:
        """A task of a list; raises 404."""
        found = self.tasks[self.task_list(list_key)["id"]].get(key)
        if found is None:
            raise not_found()
        return found

    def add_task(self, list_key: str, body: Item, now: datetime) -> Item:
        """A new task; raises 400 for what is none, and 404."""
        tasks = self.tasks[self.task_list(list_key)["id"]]
        moment = precise_timestamp(now)
        task: Item = {
            "@odata.etag": "", "id": self.world.new_id("AAMk"), "title": "", "status": "notStarted",
            "importance": "normal", "isReminderOn": False, "categories": [], "hasAttachments": False,
            "createdDateTime": moment, "lastModifiedDateTime": moment, "bodyLastModifiedDateTime": moment,
            "body": stored_body(None), "_list": list_key, "_zone": "UTC", "_attachments": [],
            **{kept: [] for kept in PARTS.values()},
        }  # fmt: skip
        self._write(task, body, now)
        tasks.add(task, now)
        return self._after(task, now)

    def change(self, task: Item, body: Item, now: datetime) -> Item:
        """Change some properties of a task; completing one that repeats makes the next one."""
        self._write(task, body, now)
        self.touch(task, now)
        return self._after(task, now)

    def touch(self, task: Item, now: datetime) -> None:
        """Note that a task, or something that belongs to it, was altered."""
        task |= {
            "@odata.etag": self._etag(), "lastModifiedDateTime": precise_timestamp(now),
            "hasAttachments": bool(task["_attachments"]),
        }  # fmt: skip
        self.tasks[task["_list"]].touch(task["id"], now)

    def _etag(self) -> str:
        return f'W/"{self.world.new_id("")[:24]}"'

    def _write(self, task: Item, body: Item, now: datetime) -> None:
        check_properties(body, _KNOWN, "todoTask")
        for name, value in body.items():
            if name in _DAYS:
                _set(task, name, _day(value))
                if name == "dueDateTime" and value:
                    task["_zone"] = value["timeZone"]
            elif name == "reminderDateTime":
                _set(task, name, _moment(value))
            elif name == "status":
                task[name] = one_of(value, _STATUSES)
            elif name == "importance":
                task[name] = one_of(value, ("low", "normal", "high"))
            elif name == "isReminderOn":
                task[name] = _boolean(name, value)
            elif name == "body":
                task |= {"body": stored_body(value), "bodyLastModifiedDateTime": precise_timestamp(now)}
            elif name == "title":
                task[name] = str(value or "")
            elif name == "categories":
                task[name] = list(value or [])
        if "recurrence" in body:
            _set(task, "recurrence", _recurrence(task, body["recurrence"]))

    def _after(self, task: Item, now: datetime) -> Item:
        if task["status"] != "completed":
            task.pop("completedDateTime", None)
            return task
        today = date_time(datetime.combine(now.date(), datetime.min.time()), "UTC")
        task.setdefault("completedDateTime", today)
        if recurrence := task.pop("recurrence", None):
            self._repeat(task, recurrence, now)
        return task

    def _repeat(self, task: Item, recurrence: Item, now: datetime) -> None:
        due = _due_date(task)
        following = next((day for day in occurrence_dates(recurrence) if day > due), None)
        if following is None:
            return
        body = {name: task[name] for name in ("title", "importance", "categories", "body")}
        again = self.add_task(task["_list"], body, now)
        moment = {"dateTime": f"{following.isoformat()}T00:00:00", "timeZone": task["_zone"]}
        again |= {"dueDateTime": _day(moment), "recurrence": recurrence, "_zone": task["_zone"]}
        again["_steps"] = [step | {"isChecked": False, "checkedDateTime": None} for step in task["_steps"]]


def _set(task: Item, name: str, value: Any) -> None:
    if value is None:
        task.pop(name, None)
    else:
        task[name] = value


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise GraphError(
            400, "RequestBodyRead", f"Cannot convert the value of '{name}' to type 'Edm.Boolean'."
        )
    return value


def _local(value: Any) -> tuple[datetime, ZoneInfo]:
    try:
        wall = datetime.fromisoformat(value["dateTime"][:26]).replace(tzinfo=None)
    except (KeyError, TypeError, ValueError):
        raise GraphError(400, "invalidRequest", "The value is not a valid dateTimeTimeZone.") from None
    return wall, time_zone(value.get("timeZone"))


def _moment(value: Any) -> Item | None:
    """A moment as To Do keeps it: in UTC."""
    if value is None:
        return None
    wall, zone = _local(value)
    return date_time(wall.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None), "UTC")


def _day(value: Any) -> Item | None:
    """A day as To Do keeps it: its midnight in the given zone, said in UTC. The time of day is dropped."""
    if value is None:
        return None
    wall, _ = _local(value)
    return _moment(value | {"dateTime": f"{wall.date().isoformat()}T00:00:00"})


def _due_date(task: Item) -> date:
    due = datetime.fromisoformat(task["dueDateTime"]["dateTime"][:26]).replace(tzinfo=UTC)
    return due.astimezone(time_zone(task["_zone"])).date()


def _recurrence(task: Item, given: Any) -> Item | None:
    if given is None:
        return None
    if "dueDateTime" not in task:
        raise GraphError(400, "invalidRequest", "A task that repeats needs a dueDateTime.")
    if not isinstance(given, dict):
        raise GraphError(400, "RequestBodyRead", "The value of 'recurrence' is not a patternedRecurrence.")
    starts_on = _due_date(task)
    limits = {"type": "noEnd", "startDate": starts_on.isoformat(), **(given.get("range") or {})}
    return checked_recurrence(given | {"range": limits}, starts_on, task["_zone"])


def todo_of(world: World, tenant: Tenant, owner: Item) -> TodoStore:
    """The task lists of a user, made on first use."""
    return tenant.part(("todo", owner["id"]), lambda: TodoStore(world))


def open_todo(call: Call, user: str) -> TodoStore:
    """The task lists that a request is about.

    Raises 403 and 404 as `settings_owner` does, and 400 for $select, which To Do refuses.
    """
    owner = settings_owner(call, user)
    if "$select" in call.query:
        raise GraphError(
            400, "RequestBroker--ParseUri", "The query specified in the URI is not valid: $select."
        )
    return todo_of(call.world, call.tenant, owner)


@seeder
def seed_todo(world: World, tenant: Tenant) -> None:
    """Tasks in the default list, and a list of one's own."""
    now = world.clock.now()
    for user in tenant.users:
        if tenant.accounts[user["id"]].mailbox != "cloud":
            continue
        store = todo_of(world, tenant, user)
        default = next(iter(store.lists))["id"]
        due = (now + timedelta(days=3)).date().isoformat()
        call = {"title": "Call the landlord", "importance": "high",
                "dueDateTime": {"dateTime": f"{due}T00:00:00", "timeZone": "UTC"}}  # fmt: skip
        store.add_task(default, call, now)
        store.add_task(default, {"title": "Water the plants", "status": "completed"}, now)
        move = store.add_list("Office move", now)
        store.add_task(move["id"], {"title": "Order boxes", "categories": ["Projects"]}, now)

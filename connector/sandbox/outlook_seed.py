"""What the mailboxes and calendars of a fresh sandbox contain. Everything here is invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from .attachments import new_attachment
from .calendar_store import store_of
from .changelog import Item
from .event_items import date_time
from .event_properties import new_event
from .mailbox import Mailbox, mailbox_of, new_message, write_properties
from .outlook import email_address, stamp, timestamp
from .recurrence import DAYS
from .seed import seeder
from .state import Tenant, World

_LETTERS = (
    ("Offer for the spring order", "Please look over the offer until Friday.", {"importance": "high"}),
    ("Minutes of the site visit", "<p>The minutes are <b>attached</b>.</p>", {"categories": ["Projects"]}),
    ("Lunch on Thursday?", "The new place by the river has a table at noon.", {"isRead": True}),
    ("Invoice 20417", "Kindly confirm the amount & the due date.", {"flag": {"flagStatus": "flagged"}}),
    ("Welcome pack for new colleagues", "<p>Find the <i>checklist</i> below.</p>", {"isRead": True}),
)
_MINUTES = "VmlzaXQgb2YgdGhlIG5vcnRoIHNpdGU6IGFsbCBvbiB0aW1lLgo="
_ZONES = ("W. Europe Standard Time", "Pacific Standard Time", "UTC")


@seeder
def seed_mail(world: World, tenant: Tenant) -> None:
    """Letters in the inbox, a sent one, a draft, and folders of one's own."""
    people = _people_with_mailboxes(tenant)
    for index, user in enumerate(people):
        mailbox = mailbox_of(world, tenant, user)
        now = world.clock.now()
        for number, (subject, text, more) in enumerate(_LETTERS[: 3 + user["_seed"] % 3]):
            sender = people[(index + number + 1) % len(people)]
            sent = now - timedelta(days=number + 1, hours=user["_seed"])
            body = {"subject": subject, "body": _body(text), "from": _person(sender), "isRead": False} | more
            letter = _letter(mailbox, tenant, body | {"toRecipients": [_person(user)]}, sent)
            if "attached" in text:
                given = {"name": "minutes.txt", "contentType": "text/plain", "contentBytes": _MINUTES}
                letter["_attachments"].append(new_attachment(world, given))
                letter["hasAttachments"] = True
            mailbox.put(letter, "inbox", now)
        colleague = people[(index + 1) % len(people)]
        answer = {"subject": "RE: Opening hours", "body": _body("Nine to five, as ever."),
                  "toRecipients": [_person(colleague)]}  # fmt: skip
        mailbox.put(_letter(mailbox, tenant, answer, now - timedelta(days=2)), "sentitems", now)
        draft = _letter(mailbox, tenant, {"subject": "Plan for the next quarter"}, now)
        mailbox.put(draft | {"isDraft": True}, "drafts", now)
        projects = mailbox.add_folder("Projects", mailbox.folder("inbox")["parentFolderId"], now)
        mailbox.add_folder("Launch", projects["id"], now)


@seeder
def seed_calendars(world: World, tenant: Tenant) -> None:
    """A meeting tomorrow, a day off, a weekly series, and a second calendar in a group of its own."""
    now = world.clock.now()
    today = datetime.combine(now.date(), datetime.min.time())
    for user in _people_with_mailboxes(tenant):
        store = store_of(world, tenant, user)
        zone = _ZONES[user["_seed"] % len(_ZONES)]
        group = store.add_group("Projects", now)
        second = store.add_calendar("Launch plan", group["id"], now)
        monday = today - timedelta(days=today.weekday() + 14)
        series = _lasting("Weekly review", monday + timedelta(hours=9), 1, zone) | {
            "recurrence": {
                "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": [DAYS[monday.weekday()]]},
                "range": {"type": "noEnd", "startDate": monday.date().isoformat()},
            },
        }  # fmt: skip
        tomorrow = today + timedelta(days=1)
        bodies = (
            _lasting("Budget talk", tomorrow + timedelta(hours=10), 1, zone)
            | {"location": {"displayName": "Room 4"}},
            _lasting("Day off", today + timedelta(days=5), 24, zone) | {"isAllDay": True, "showAs": "oof"},
            series,
        )  # fmt: skip
        for body in bodies:
            store.add_event(new_event(store, tenant, body, now), store.default_id, now)
        launch = _lasting("Launch rehearsal", tomorrow + timedelta(hours=14), 2, zone)
        store.add_event(new_event(store, tenant, launch, now), second["id"], now)


def _people_with_mailboxes(tenant: Tenant) -> list[Item]:
    return [user for user in tenant.users if tenant.accounts[user["id"]].mailbox in ("cloud", "shared")]


def _body(text: str) -> Item:
    return {"contentType": "html" if "<" in text else "text", "content": text}


def _person(user: Item) -> Item:
    return {"emailAddress": email_address(user)}


def _letter(mailbox: Mailbox, tenant: Tenant, body: Item, sent: datetime) -> Item:
    letter = new_message(mailbox, tenant, sent.astimezone(UTC))
    write_properties(tenant, letter, body)
    stamp(mailbox.world, letter, timestamp(sent))
    return letter | {"isDraft": False, "sender": letter["from"]}


def _lasting(subject: str, start: datetime, hours: float, zone: str) -> Item:
    return {
        "subject": subject, "start": date_time(start, zone),
        "end": date_time(start + timedelta(hours=hours), zone),
        "body": _body(f"<p>{subject}</p>"),
    }  # fmt: skip

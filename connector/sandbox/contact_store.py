"""The contacts of one mailbox: its contact folders, the contacts in them, and what a contact is made of.

Folders and contacts are Graph-shaped; each folder has a collection of its own, which is its delta stream.
Routes are left to `contacts` and `contact_folders`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .answers import GraphError
from .call import Call
from .changelog import Collection, Item
from .outlook import (
    EXTENDED,
    Ids,
    check_properties,
    filters_extended,
    merged_properties,
    new_immutable_id,
    not_found,
    stamp,
    timestamp,
)
from .seed import seeder
from .state import Tenant, World

DEFAULT = "contacts"
"""The name that serves as the id of the default folder, which lists of folders leave out."""

_ADDRESSES = ("businessAddress", "homeAddress", "otherAddress")
_LISTS = ("businessPhones", "homePhones", "imAddresses", "children", "categories")
_TEXTS = (
    "assistantName", "businessHomePage", "companyName", "department", "displayName", "fileAs", "generation",
    "givenName", "initials", "jobTitle", "manager", "middleName", "mobilePhone", "nickName",
    "officeLocation", "personalNotes", "profession", "spouseName", "surname", "title", "yomiCompanyName",
    "yomiGivenName", "yomiSurname",
)  # fmt: skip
_PLACES = ("primaryEmailAddress", "secondaryEmailAddress", "tertiaryEmailAddress")
"""Each e-mail address by itself, in the order of the list."""
_READ_ONLY = ("id", "createdDateTime", "lastModifiedDateTime", "changeKey")
_KNOWN = {
    *_TEXTS, *_LISTS, *_ADDRESSES, *_PLACES, *_READ_ONLY, "emailAddresses", "birthday", "parentFolderId",
    EXTENDED, "multiValueExtendedProperties", "extensions",
}  # fmt: skip


@dataclass(slots=True)
class ContactStore:
    """The contact folders and contacts of one owner."""

    world: World
    folders: Collection = field(default_factory=Collection)
    contacts: dict[str, Collection] = field(default_factory=dict)
    """The contacts of each folder, by folder id."""
    ids: Ids = field(default_factory=Ids)
    root_id: str = ""
    default_id: str = ""

    def __post_init__(self) -> None:
        self.root_id, self.default_id = self.world.new_id("AQMk"), self.world.new_id("AQMk")
        self.contacts[self.default_id] = Collection()

    # Folders

    def add_folder(self, name: str, parent_id: str, now: datetime) -> Item:
        """A new, empty folder; raises 409 when its parent has one of this name."""
        self.check_name(name, parent_id)
        folder = {"id": self.world.new_id("AQMk"), "displayName": name, "parentFolderId": parent_id}
        self.contacts[folder["id"]] = Collection()
        return self.folders.add(folder, now)

    def check_name(self, name: str, parent_id: str) -> None:
        """Raise 409 when a folder in this place has this name."""
        if any(folder["displayName"].casefold() == name.casefold() for folder in self.children(parent_id)):
            raise GraphError(
                409, "ErrorFolderExists", f"A folder with the specified name already exists., {name}"
            )

    def folder(self, key: str) -> Item:
        """A folder by id, or the default one by name; raises 404."""
        if key.casefold() == DEFAULT or key == self.default_id:
            return {"id": self.default_id, "displayName": "Contacts", "parentFolderId": self.root_id}
        found = self.folders.get(key)
        if found is None:
            raise not_found()
        return found

    def parent_id(self, key: str) -> str:
        """The id of a folder that others may lie in, the root included; raises 404."""
        return key if key == self.root_id else str(self.folder(key)["id"])

    def children(self, parent_id: str) -> list[Item]:
        """The folders directly inside another."""
        return [folder for folder in self.folders if folder["parentFolderId"] == parent_id]

    def remove_folder(self, folder: Item, now: datetime) -> None:
        """Remove a folder with all that is in it; raises 403 for the default one."""
        if folder["id"] == self.default_id:
            raise GraphError(403, "ErrorDeleteDistinguishedFolder", "The default folder cannot be deleted.")
        for child in self.children(folder["id"]):
            self.remove_folder(child, now)
        self.folders.remove(folder["id"], now)
        del self.contacts[folder["id"]]

    # Contacts

    def contact(self, key: str, folder: str | None = None) -> Item:
        """A contact by either form of its id, in one folder if given; raises 400 or 404."""
        lasting = self.ids.lasting(key)
        places = self.contacts.values() if folder is None else [self.contacts[self.folder(folder)["id"]]]
        for contacts in places:
            if lasting in contacts:
                return contacts.items[lasting]
        raise not_found()

    def add_contact(self, body: Item, folder_id: str, now: datetime) -> Item:
        """A new contact in a folder; raises 400 for what is no contact."""
        contact: Item = {
            "@odata.etag": "", "id": new_immutable_id(self.world), "createdDateTime": timestamp(now),
            "lastModifiedDateTime": "", "changeKey": "", "parentFolderId": folder_id, "birthday": None,
            **dict.fromkeys(_TEXTS), **{name: [] for name in (*_LISTS, "emailAddresses")},
            **{name: {} for name in _ADDRESSES}, "_extended": [],
        }  # fmt: skip
        _write(contact, body)
        _name(contact)
        stamp(self.world, contact, timestamp(now))
        self.ids.enter(self.world, contact["id"], folder_id)
        return self.contacts[folder_id].add(contact, now)

    def change(self, contact: Item, body: Item, now: datetime) -> None:
        """Change some properties of a contact, also the folder that it lies in; raises 400 and 404."""
        _write(contact, body)
        self.touch(contact, now)
        wanted = body.get("parentFolderId")
        if wanted and wanted != contact["parentFolderId"]:
            target = self.folder(str(wanted))["id"]
            self.remove_contact(contact, now, "changed")
            contact["parentFolderId"] = target
            self.ids.enter(self.world, contact["id"], target)
            self.contacts[target].add(contact, now)

    def touch(self, contact: Item, now: datetime) -> None:
        """Note that a contact was altered."""
        stamp(self.world, contact, timestamp(now))
        self.contacts[contact["parentFolderId"]].touch(contact["id"], now)

    def remove_contact(self, contact: Item, now: datetime, reason: str = "deleted") -> None:
        """Take a contact out of its folder; delta queries report the reason."""
        self.contacts[contact["parentFolderId"]].remove(contact["id"], now, reason)
        self.ids.leave(contact["id"], contact["parentFolderId"])

    def shown(self, call: Call, contact: Item) -> Item:
        """A contact as the caller wants to see it."""
        view = contact | {"id": self.ids.shown(call, contact["id"], contact["parentFolderId"])}
        view |= {
            name: dict(address) for name, address in zip(_PLACES, contact["emailAddresses"], strict=False)
        }
        if filters_extended(call):
            view[EXTENDED] = contact["_extended"]
        return view


def _write(contact: Item, body: Item) -> None:
    check_properties(body, _KNOWN, "contact")
    for name, value in body.items():
        if name == "emailAddresses":
            contact[name] = [_email_address(entry) for entry in _list(name, value)]
        elif name in _PLACES:
            _place(contact["emailAddresses"], _PLACES.index(name), value)
        elif name in _LISTS:
            contact[name] = _list(name, value)
        elif name == EXTENDED:
            contact["_extended"] = merged_properties(contact["_extended"], value)
        elif name in _ADDRESSES:
            contact[name] = value or {}
        elif name in _TEXTS:
            contact[name] = _text(name, value)
        elif name == "birthday":
            contact[name] = _moment(value)


def _place(addresses: list[Item], index: int, value: Any) -> None:
    if value:
        addresses[index : index + 1] = [_email_address(value)]
    else:
        del addresses[index : index + 1]


def _email_address(value: Any) -> Item:
    if not isinstance(value, dict) or not isinstance(value.get("address") or "", str):
        raise GraphError(400, "RequestBodyRead", "An entry of 'emailAddresses' is not a valid emailAddress.")
    address = value.get("address") or ""
    return {"name": value.get("name") or address, "address": address}


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value or [], list):
        raise GraphError(400, "RequestBodyRead", f"A collection is expected for '{name}'.")
    return list(value or [])


def _text(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise GraphError(
            400, "RequestBodyRead", f"Cannot convert the value of '{name}' to type 'Edm.String'."
        )
    return value


def _moment(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return timestamp(datetime.fromisoformat(str(value)))
    except ValueError:
        raise GraphError(
            400, "RequestBodyRead", "Cannot convert the value of 'birthday' to type 'Edm.DateTimeOffset'."
        ) from None


def _name(contact: Item) -> None:
    """The names that Outlook makes of the others for a new contact."""
    parts = [contact["givenName"], contact["middleName"], contact["surname"]]
    full = " ".join(part for part in parts if part)
    address = contact["emailAddresses"][0]["address"] if contact["emailAddresses"] else ""
    contact["displayName"] = contact["displayName"] or full or contact["companyName"] or address
    sorted_by = ", ".join(part for part in (contact["surname"], contact["givenName"]) if part)
    contact["fileAs"] = contact["fileAs"] or sorted_by or contact["displayName"]


def contacts_of(world: World, tenant: Tenant, owner: Item) -> ContactStore:
    """The contacts of a user, made on first use."""
    return tenant.part(("contacts", owner["id"]), lambda: ContactStore(world))


def open_contacts(call: Call, user: str) -> ContactStore:
    """The contacts that a request is about; raises 403 and 404 as `Call.mailbox_owner` does."""
    return contacts_of(call.world, call.tenant, call.mailbox_owner(user))


_CUSTOMERS = (
    ("Rosa", "Vidal", "Vidal Logistics", "Head of purchasing"),
    ("Ken", "Arai", "Arai Instruments", "Engineer"),
    ("Fatou", "Diop", "Diop & Daughters", "Owner"),
)


@seeder
def seed_contacts(world: World, tenant: Tenant) -> None:
    """Customers in the default folder, and a folder of suppliers with one inside of it."""
    now = world.clock.now()
    for user in tenant.users:
        if tenant.accounts[user["id"]].mailbox not in ("cloud", "shared"):
            continue
        store = contacts_of(world, tenant, user)
        for given_name, surname, company, title in _CUSTOMERS:
            address = {"name": f"{given_name} {surname}", "address": f"{given_name.lower()}@customer.example"}
            body = {"givenName": given_name, "surname": surname, "companyName": company, "jobTitle": title,
                    "emailAddresses": [address], "businessPhones": ["+1 555 0142"]}  # fmt: skip
            store.add_contact(body, store.default_id, now)
        suppliers = store.add_folder("Suppliers", store.root_id, now)
        store.add_contact({"companyName": "Paper & Ink"}, suppliers["id"], now)
        store.add_folder("Former suppliers", suppliers["id"], now)

"""The people who matter most to a user: colleagues from the directory, then the user's own contacts.

The list is not stored but made anew each time. Source: Microsoft: Get information about the people most
relevant to you.
"""

from __future__ import annotations

from collections.abc import Iterator

from .answers import Answer
from .call import Call
from .changelog import Item
from .contact_store import contacts_of
from .graph import route
from .outlook import not_found
from .scopes import PEOPLE_READ

_PEOPLE = "/users/{user}/people"
_LARGEST_PAGE = 1000


@route("GET", _PEOPLE, PEOPLE_READ)
def list_people(call: Call, user: str) -> Answer:
    """The people around a user, the closest first."""
    people = list(_people(call, call.user_of(user)))
    return call.collection(
        people, paging="$skip", max_page=_LARGEST_PAGE, always=("id",), search=_is_meant,
    )  # fmt: skip


@route("GET", f"{_PEOPLE}/{{person}}", PEOPLE_READ)
def get_person(call: Call, user: str, person: str) -> Answer:
    """One of these people."""
    for found in _people(call, call.user_of(user)):
        if found["id"].casefold() == person.casefold():
            return call.entity(found, always=("id",))
    raise not_found()


def _is_meant(person: Item, text: str) -> bool:
    """Whether a word of the name, or an address, begins with the text."""
    wanted = text.strip('"').casefold()
    names = [*str(person["displayName"]).split(), person["displayName"], person["userPrincipalName"]]
    addresses = [entry["address"] for entry in person["scoredEmailAddresses"]]
    return any(str(name or "").casefold().startswith(wanted) for name in (*names, *addresses))


def _people(call: Call, owner: Item) -> Iterator[Item]:
    """Colleagues of the same department come first, then the others, then contacts."""
    colleagues = [user for user in call.tenant.users if user["id"] != owner["id"] and user.get("mail")]
    colleagues.sort(key=lambda user: user.get("department") != owner.get("department"))
    score = len(colleagues) + 10.0
    for rank, user in enumerate(colleagues):
        yield _person(
            user["id"], user, [user["mail"]], score - rank, "OrganizationUser", user.get("businessPhones")
        ) | {"userPrincipalName": user["userPrincipalName"], "imAddress": f"sip:{user['userPrincipalName']}"}
    if call.tenant.accounts[owner["id"]].mailbox not in ("cloud", "shared"):
        return
    for contacts in contacts_of(call.world, call.tenant, owner).contacts.values():
        for contact in contacts:
            addresses = [entry["address"] for entry in contact["emailAddresses"]]
            if addresses:
                phones = contact["businessPhones"]
                yield _person(contact["id"], contact, addresses, 1.0, "PersonalContact", phones)


def _person(
    person_id: str, known: Item, addresses: list[str], score: float, subclass: str, phones: list[str] | None
) -> Item:
    person: Item = {
        name: known.get(name)
        for name in (
            "displayName", "givenName", "surname", "jobTitle", "companyName", "department", "officeLocation",
        )
    }  # fmt: skip
    return {"id": person_id} | person | {
        "birthday": "", "personNotes": "", "isFavorite": False, "yomiCompany": "", "profession": "",
        "userPrincipalName": "", "imAddress": None,
        "scoredEmailAddresses": [
            {"address": address, "relevanceScore": score, "selectionLikelihood": "notSpecified"}
            for address in addresses
        ],
        "phones": [{"type": "business", "number": number} for number in phones or []],
        "postalAddresses": [], "websites": [], "personType": {"class": "Person", "subclass": subclass},
    }  # fmt: skip

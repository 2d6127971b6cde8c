"""What mail and calendars have in common: ids in two forms, change keys, bodies, people, extended properties.

What a message or an event is made of is left to `mailbox` and `event_items`.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .odata_filter import BadFilter, parse_filter
from .state import Tenant, World

PREVIEW_CHARACTERS = 255
WITHHELD_FROM_BASIC = (
    "body", "bodyPreview", "uniqueBody", "attachments", "extensions", "internetMessageHeaders",
    "singleValueExtendedProperties", "multiValueExtendedProperties",
)  # fmt: skip
EXTENDED = "singleValueExtendedProperties"

_IMMUTABLE_PREFIX = "AAkALgAAAAAAHYQDEap"
_ID = re.compile(r"A[AQ][A-Za-z0-9+/_=.-]{30,}")
_PROPERTY_ID = re.compile(
    r"(String|Integer|Long|Boolean|Double|SystemTime|CLSID|Binary)\s+"
    r"(\{[0-9a-fA-F-]{36}\}\s+(Name|Id)\s+\S.*|0x[0-9a-fA-F]+)",
    re.IGNORECASE,
)
_EXPANDED_FILTER = re.compile(EXTENDED + r"\s*\(\s*\$filter=([^;)]+)")


@dataclass(slots=True)
class Ids:
    """The ids of the items of one mailbox: one that stays, and one that changes with the folder.

    Both open an item; the preference `IdType` decides which one answers carry.
    Source: Microsoft: Get immutable identifiers for Outlook resources.
    """

    _lasting: dict[str, str] = field(default_factory=dict)
    _in_folder: dict[tuple[str, str], str] = field(default_factory=dict)

    def enter(self, world: World, item_id: str, folder_id: str) -> None:
        """Give an item that comes into a folder its id there."""
        changing = world.new_id("AAMk")
        self._in_folder[folder_id, item_id] = changing
        self._lasting[changing] = item_id

    def leave(self, item_id: str, folder_id: str) -> None:
        """Let the id that the item had in this folder open nothing any more."""
        self._lasting.pop(self._in_folder[folder_id, item_id], None)

    def shown(self, call: Call, item_id: str, folder_id: str) -> str:
        """The id of an item in a folder that it is or was in, in the form that the caller prefers."""
        if wants_immutable_ids(call):
            return item_id
        return self._in_folder[folder_id, item_id]

    def lasting(self, shown_id: str) -> str:
        """The id that stays, of an id in either form; raises 400 for what is no id."""
        if not _ID.fullmatch(shown_id):
            raise GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")
        return self._lasting.get(shown_id, shown_id)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every id that changes, with the one that stays."""
        return iter(self._lasting.items())


def new_immutable_id(world: World) -> str:
    """An id that an item keeps wherever it goes."""
    return world.new_id(_IMMUTABLE_PREFIX)


def wants_immutable_ids(call: Call) -> bool:
    """Whether the caller prefers ids that stay."""
    return call.prefer.get("idtype", "").casefold() == "immutableid"


def not_found() -> GraphError:
    """The error for an id that opens nothing here."""
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def timestamp(moment: datetime) -> str:
    """A moment as messages write it: UTC, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def precise_timestamp(moment: datetime) -> str:
    """A moment as events write it: UTC, seven fractional digits."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def stamp(world: World, item: Item, moment: str) -> None:
    """Note a new version of an item: change key, etag, time."""
    code = world.new_id("").replace("/", "a")[:38]
    key = base64.b64encode(code.encode()[:24]).decode()
    item |= {"@odata.etag": f'W/"{key}"', "changeKey": key, "lastModifiedDateTime": moment}


def web_link(item_id: str, kind: str) -> str:
    """The address of an item in Outlook on the web; `kind` is `ReadMessageItem` or a path."""
    return f"https://outlook.office365.com/owa/?ItemID={quote(item_id, safe='')}&exvsurl=1&viewmodel={kind}"


def case_insensitive_query(call: Call, *names: str) -> None:
    """Give query options of functions the spelling of the documentation, however the caller wrote them."""
    spelling = {name.casefold(): name for name in names}
    call.query = {spelling.get(name.casefold(), name): value for name, value in call.query.items()}


def selected(call: Call) -> set[str]:
    """Lower-case names of the properties that $select asks for, also when a delta token carries it."""
    text = call.delta_option("$select") if call.context.endswith("/delta") else call.query.get("$select")
    return {name.strip().partition("/")[0].casefold() for name in (text or "").split(",") if name.strip()}


def check_properties(body: Mapping[str, Any], known: Iterable[str], kind: str) -> None:
    """Raise 400 for a property that the type does not have."""
    for name in body:
        if name not in known and not name.startswith("@") and not re.match(r"[A-Za-z0-9]+_\w", name):
            raise GraphError(
                400, "RequestBodyRead",
                f"The property '{name}' does not exist on type 'microsoft.graph.{kind}'. Make sure to only "
                "use property names that are defined by the type.",
            )  # fmt: skip


def one_of(value: Any, choices: tuple[str, ...]) -> str:
    """An enumeration value in its own spelling; raises 400 for another."""
    for choice in choices:
        if isinstance(value, str) and value.casefold() == choice.casefold():
            return choice
    raise GraphError(400, "RequestBodyRead", f"Requested value '{value}' was not found.")


def boolean(name: str, value: Any) -> bool:
    """A boolean property; text will do, as in Microsoft's own examples. Raises 400 for anything else."""
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    if not isinstance(value, bool):
        raise GraphError(
            400, "RequestBodyRead", f"Cannot convert the value of '{name}' to type 'Edm.Boolean'."
        )
    return value


# Permissions that withhold


def sees_basics_only(call: Call, area: str) -> bool:
    """Whether all that this caller holds for `Mail` or `Calendars` is the basic permission."""
    held = [scope for scope in call.scopes if scope.startswith((f"{area}.", "Group."))]
    return bool(held) and not any("Basic" not in scope and "Read" in scope for scope in held)


def check_basics(call: Call, area: str) -> None:
    """Raise 403 when $select or $expand asks for what the basic permission withholds."""
    if not sees_basics_only(call, area):
        return
    asked = selected(call) | {name.strip().casefold() for name in call.query.get("$expand", "").split(",")}
    if asked & {name.casefold() for name in WITHHELD_FROM_BASIC}:
        raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


# Bodies


class _Text(HTMLParser):
    """Collects the readable text of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style", "head")
        if tag in ("br", "p", "div", "hr", "tr", "li"):
            self.parts.append("\r\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "head")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def plain_text(body: Item) -> str:
    """The readable text of a body of either type."""
    if body["contentType"] != "html":
        return str(body["content"])
    reader = _Text()
    reader.feed(body["content"])
    reader.close()
    return re.sub(r"(\s*\r\n\s*)+", "\r\n", "".join(reader.parts)).strip()


def html_text(body: Item) -> str:
    """A body of either type as HTML."""
    if body["contentType"] == "html":
        return str(body["content"])
    return document(html.escape(body["content"], quote=False).replace("\n", "<br>\n"))


def document(fragment: str) -> str:
    """A fragment of HTML as the whole page that Exchange makes of it."""
    return (
        '<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n'
        f"</head>\r\n<body>\r\n{fragment}\r\n</body>\r\n</html>\r\n"
    )


def stored_body(body: Any) -> Item:
    """A body as a mailbox keeps it; raises 400 when it is none."""
    if body is None:
        body = {}
    if not isinstance(body, dict) or not isinstance(body.get("content") or "", str):
        raise GraphError(400, "RequestBodyRead", "The value of 'body' is not a valid itemBody.")
    kind, content = one_of(body.get("contentType") or "text", ("text", "html")), body.get("content") or ""
    if kind == "html" and "<html" not in content.casefold():
        content = document(content)
    return {"contentType": kind, "content": content}


def preview(body: Item) -> str:
    """The beginning of a body."""
    return plain_text(body)[:PREVIEW_CHARACTERS]


def shown_body(call: Call, body: Item) -> Item:
    """A body in the type that the caller prefers, else as it is."""
    wanted = _wanted_body_type(call)
    if wanted == "text":
        return {"contentType": "text", "content": plain_text(body)}
    if wanted == "html":
        return {"contentType": "html", "content": html_text(body)}
    return body


def _wanted_body_type(call: Call) -> str:
    wanted = call.prefer.get("outlook.body-content-type", "").casefold()
    return "" if call.world.switches.body_type_preference_ignored else wanted


def confirmed(call: Call, answer: Answer) -> Answer:
    """The answer with the preferences that were applied."""
    applied = []
    if _wanted_body_type(call) in ("text", "html"):
        applied.append(f'outlook.body-content-type="{_wanted_body_type(call)}"')
    if "outlook.timezone" in call.prefer and "essages" not in call.context:
        applied.append(f'outlook.timezone="{call.prefer["outlook.timezone"]}"')
    if applied:
        answer.headers["Preference-Applied"] = ", ".join(applied)
    return answer


# People


def addresses_of(user: Item) -> set[str]:
    """Lower-case addresses at which a user receives mail."""
    found = {str(user.get("mail") or ""), str(user.get("userPrincipalName") or "")}
    found |= {address.partition(":")[2] for address in user.get("proxyAddresses") or []}
    return {address.casefold() for address in found if address}


def address_of(owner: Item) -> str:
    """The address from which a user or a group sends."""
    return str(owner.get("mail") or owner.get("userPrincipalName") or "")


def email_address(owner: Item) -> Item:
    """A user or a group as `emailAddress`."""
    return {"name": owner["displayName"], "address": address_of(owner)}


def settings_owner(call: Call, user: str) -> Item:
    """The owner of a mailbox whose settings, rules, categories or tasks are asked for.

    Raises 403 and 404 as `Call.mailbox_owner` does; by a switch, also for those who may open the mailbox.
    """
    owner = call.mailbox_owner(user)
    is_other = call.user is not None and call.user["id"] != owner["id"]
    if is_other and not call.world.switches.delegates_reach_settings_and_tasks:
        raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    return owner


def mailbox_user(tenant: Tenant, address: str) -> Item | None:
    """The user of this company who receives mail at an address in a mailbox in the cloud, or None."""
    for user in tenant.users:
        if (
            tenant.accounts[user["id"]].mailbox in ("cloud", "shared")
            and address.casefold() in addresses_of(user)
        ):  # fmt: skip
            return user
    return None


def recipient(tenant: Tenant, given: Any) -> Item:
    """A recipient with a name, from the directory where the body has none; raises 400 when it is none."""
    email = given.get("emailAddress") if isinstance(given, dict) else None
    if not isinstance(email, dict) or not isinstance(email.get("address"), str):
        raise GraphError(400, "ErrorInvalidRecipients", "A recipient needs an emailAddress with an address.")
    address = email["address"]
    user = mailbox_user(tenant, address)
    return {"emailAddress": {"name": email.get("name") or (user or {}).get("displayName") or address,
                             "address": address}}  # fmt: skip


def recipients(tenant: Tenant, given: Any) -> list[Item]:
    """A list of recipients; raises 400 when one of them is none."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise GraphError(400, "RequestBodyRead", "A collection of recipients is expected.")
    return [recipient(tenant, entry) for entry in given]


# Extended properties


def merged_properties(kept: list[Item], given: Any) -> list[Item]:
    """Extended properties after a body set some; those with other ids stay. Raises 400 for a wrong id."""
    found = {entry["id"].casefold(): entry for entry in kept}
    for entry in given or []:
        if not isinstance(entry, dict) or not _PROPERTY_ID.fullmatch(str(entry.get("id", ""))):
            raise GraphError(
                400, "ErrorInvalidProperty",
                f"The extended property attribute combination is invalid: '{entry}'.",
            )  # fmt: skip
        found[entry["id"].casefold()] = {"id": entry["id"], "value": str(entry.get("value", ""))}
    return list(found.values())


def expanded_properties(call: Call) -> Callable[[Item], list[Item]]:
    """What `$expand=singleValueExtendedProperties($filter=id eq '…')` shows of an item."""
    match = _EXPANDED_FILTER.search(call.query.get("$expand", ""))
    if match is None:
        return lambda item: []
    try:
        wanted = parse_filter(match[1]).matches
    except BadFilter as error:
        raise GraphError(400, "BadRequest", f"Invalid filter clause: {error}") from None
    return lambda item: [entry for entry in item.get("_extended", []) if wanted(entry)]


def filters_extended(call: Call) -> bool:
    """Whether $filter looks at extended properties, which lists otherwise do not carry."""
    return EXTENDED in call.query.get("$filter", "")

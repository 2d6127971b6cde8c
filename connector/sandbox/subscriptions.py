"""Subscriptions to change notifications: create, list, read, renew, reauthorize, delete. None is delivered.

The address is asked for its token as Graph does, but only on this machine. A subscription shows to the app
and user who created it, until it ends. Which permission it needs depends on the resource.
Source: Microsoft: subscription resource type; Receive change notifications through webhooks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote, urlsplit

from .answers import Answer, GraphError
from .call import Call
from .changelog import Collection, Item
from .graph import route
from .outlook import check_properties, precise_timestamp
from .scopes import (
    CALENDARS_READ,
    CONTACTS_READ,
    FILES_READ_ALL,
    GROUPS_READ,
    MAIL_READ_BASIC,
    POSTS_READ,
    PRESENCES_READ,
    SITES_READ,
    TASKS_READ,
    USERS_READ,
    Scopes,
)
from .state import World

LEAST_MINUTES = 45
ANSWER_SECONDS = 10
STATE_CHARACTERS = 128

_OWNER = r"(?:me|users/(?P<user>[^/]+))"
_ALL = frozenset({"created", "updated", "deleted"})
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_KNOWN = (
    "resource", "changeType", "notificationUrl", "lifecycleNotificationUrl", "expirationDateTime",
    "clientState", "includeResourceData", "encryptionCertificate", "encryptionCertificateId",
    "latestSupportedTlsVersion", "notificationQueryOptions", "notificationUrlAppId",
)  # fmt: skip
_QUESTION = "Validation: Testing client application reachability for subscription Request-Id:"
_REQUIRED = ("resource", "changeType", "notificationUrl", "expirationDateTime")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource: its paths, who may watch it, which changes it tells, and for how long at most."""

    path: re.Pattern[str]
    needs: Scopes
    changes: frozenset[str] = _ALL
    minutes: int | None = None
    """None: as the switch for mailboxes says."""


def _kind(path: str, needs: Scopes, changes: str = "", minutes: int | None = None) -> Kind:
    return Kind(re.compile(path, re.IGNORECASE), needs, frozenset(changes.split()) or _ALL, minutes)


KINDS = (
    _kind(rf"{_OWNER}/(?:mailFolders/[^/]+/)?messages", MAIL_READ_BASIC),
    _kind(rf"{_OWNER}/(?:calendars?/[^/]+/|calendar/)?events", CALENDARS_READ),
    _kind(rf"{_OWNER}/(?:contactFolders/[^/]+/)?contacts", CONTACTS_READ),
    _kind(rf"{_OWNER}/todo/lists/[^/]+/tasks", TASKS_READ, minutes=4_230),
    _kind(
        rf"(?:{_OWNER}/drive|(?:sites|groups)/[^/]+/drive|drives/[^/]+)/root",
        FILES_READ_ALL,
        "updated",
        42_300,
    ),
    _kind(r"sites/[^/]+/lists/[^/]+", SITES_READ, "updated", 42_300),
    _kind(r"users(?:/[^/]+)?", USERS_READ, "updated deleted", 41_760),
    _kind(r"groups(?:/[^/]+)?(?:/members)?", GROUPS_READ, "updated deleted", 41_760),
    _kind(r"groups/[^/]+/(?:conversations|threads)", POSTS_READ, minutes=4_230),
    _kind(r"communications/presences(?:/[^/]+)?", PRESENCES_READ, "updated", 60),
)


@route("GET", "/subscriptions")
def list_subscriptions(call: Call) -> Answer:
    """Those of this app and this user that have not ended."""
    return call.collection(list(_living(call)), default_page=100, always=("id",))


@route("POST", "/subscriptions")
def create_subscription(call: Call) -> Answer:
    """A new subscription, after its addresses have answered; a second one like it is not refused."""
    body = call.json_body()
    check_properties(body, _KNOWN, "subscription")
    for name in _REQUIRED:
        if not isinstance(body.get(name), str) or not body[name]:
            raise _invalid(f"{name} must not be empty.")
    kind = _watched(call, body["resource"])
    unknown = {change.strip() for change in body["changeType"].split(",")} - kind.changes
    if unknown:
        raise _invalid(f"The change type '{', '.join(sorted(unknown))}' is not supported for the resource.")
    if len(body.get("clientState") or "") > STATE_CHARACTERS:
        raise _invalid(f"clientState must not exceed {STATE_CHARACTERS} characters.")
    if body.get("includeResourceData") and not (
        body.get("encryptionCertificate") and body.get("encryptionCertificateId")
    ):
        raise _invalid("encryptionCertificate and encryptionCertificateId must be given with resource data.")
    ends_at = _end(call, kind, body["expirationDateTime"])
    for name in ("notificationUrl", "lifecycleNotificationUrl"):
        if body.get(name):
            _shake_hands(call, body[name])
    made = _kept(call).add(
        {
            **dict.fromkeys(_KNOWN), **body, "id": call.world.new_guid(), "applicationId": call.app_id,
            "creatorId": _creator(call), "expirationDateTime": precise_timestamp(ends_at),
            "_ends_at": ends_at, "_kind": kind,
        },
        call.now,
    )  # fmt: skip
    return call.entity(made, status=201, context="subscriptions/$entity")


def _watched(call: Call, resource: str) -> Kind:
    """The kind of a resource that the caller may watch; raises 400, 403, 404."""
    path = re.sub(r"\('([^']*)'\)", r"/\1", resource.partition("?")[0].strip("/").removeprefix("v1.0/"))
    for kind in KINDS:
        match = kind.path.fullmatch(path)
        if match is None:
            continue
        owner = match.groupdict().get("user")
        if owner is not None:
            owner = call.user_of(owner)["id"]
        if call.user is None and path.casefold().startswith("me/"):
            raise _invalid("/me request is only valid with delegated authentication flow.")
        call.require(kind.needs, own=True)
        if call.user is not None and owner not in (None, call.user["id"]):
            raise GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        return kind
    raise _invalid(f"The resource '{resource}' is not supported.")


def _end(call: Call, kind: Kind, given: Any) -> datetime:
    try:
        wanted = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", given))
    except (TypeError, ValueError):
        raise _invalid("expirationDateTime is not a valid date.") from None
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
    most = kind.minutes or call.world.switches.subscription_mailbox_minutes
    if wanted <= call.now:
        raise _invalid("Subscription expiration must be in the future.")
    if wanted > call.now + timedelta(minutes=most):
        message = f"Subscription expiration can only be {most} minutes in the future."
        raise GraphError(400, "ExtensionError", message)
    return max(wanted, call.now + timedelta(minutes=min(LEAST_MINUTES, most)))


def _shake_hands(call: Call, address: str) -> None:
    """Ask an address for its token; raises 400 when it does not give it back as text."""
    parts = urlsplit(address)
    if parts.hostname not in _LOOPBACK or parts.scheme != "http":
        raise _refused("the sandbox reaches only http addresses of this machine.")
    token = f"{_QUESTION} {call.world.new_guid()}"
    query = f"{parts.query}&" if parts.query else ""
    path = f"{parts.path or '/'}?{query}validationToken={quote(token, safe='')}"
    connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=ANSWER_SECONDS)
    try:
        with _unlocked(call.world):
            connection.request("POST", path, headers={"Content-Type": "text/plain; charset=utf-8"})
            answer = connection.getresponse()
            kind, text = answer.headers.get_content_type(), answer.read(4096).decode(errors="replace")
    except TimeoutError:
        raise GraphError(400, "ValidationError", "Subscription validation request timed out.") from None
    except (OSError, HTTPException):
        raise _refused("the address could not be reached.") from None
    finally:
        connection.close()
    if answer.status != 200 or kind != "text/plain" or text != token:
        raise _refused("Must respond with 200 OK to this request, and the token as text/plain.")


@contextmanager
def _unlocked(world: World) -> Iterator[None]:
    """Let others in meanwhile: the address may belong to somebody who asks the sandbox first."""
    world.lock.release()
    try:
        yield
    finally:
        world.lock.acquire()


@route("GET", "/subscriptions/{subscription}")
def get_subscription(call: Call, subscription: str) -> Answer:
    """One subscription."""
    return call.entity(_found(call, subscription), context="subscriptions/$entity")


@route("PATCH", "/subscriptions/{subscription}")
def renew_subscription(call: Call, subscription: str) -> Answer:
    """Another end; another address is asked for its token first."""
    found, body = _found(call, subscription), call.json_body()
    check_properties(body, _KNOWN, "subscription")
    call.require(found["_kind"].needs, own=True)
    changes: Item = {
        name: body[name] for name in ("encryptionCertificate", "encryptionCertificateId") if name in body
    }
    if "expirationDateTime" in body:
        ends_at = _end(call, found["_kind"], body["expirationDateTime"])
        changes |= {"expirationDateTime": precise_timestamp(ends_at), "_ends_at": ends_at}
    if body.get("notificationUrl") not in (None, found["notificationUrl"]):
        _shake_hands(call, body["notificationUrl"])
        changes["notificationUrl"] = body["notificationUrl"]
    found |= changes
    return call.entity(found, context="subscriptions/$entity")


@route("POST", "/subscriptions/{subscription}/reauthorize")
def reauthorize_subscription(call: Call, subscription: str) -> Answer:
    """Go on with the present token; the end stays."""
    call.require(_found(call, subscription)["_kind"].needs, own=True)
    return Answer(status=204)


@route("DELETE", "/subscriptions/{subscription}")
def delete_subscription(call: Call, subscription: str) -> Answer:
    """End a subscription."""
    _kept(call).remove(_found(call, subscription)["id"], call.now)
    return Answer(status=204)


def _kept(call: Call) -> Collection:
    return call.tenant.part("subscriptions", Collection)


def _creator(call: Call) -> str:
    return call.app_id if call.user is None else str(call.user["id"])


def _living(call: Call) -> Iterator[Item]:
    for each in _kept(call):
        if each["_ends_at"] > call.now and (each["applicationId"], each["creatorId"]) == (
            call.app_id,
            _creator(call),
        ):
            yield each


def _found(call: Call, key: str) -> Item:
    for each in _living(call):
        if each["id"] == key:
            return each
    raise GraphError(404, "ResourceNotFound", "The object was not found.")


def _invalid(message: str) -> GraphError:
    return GraphError(400, "InvalidRequest", message)


def _refused(reason: str) -> GraphError:
    return GraphError(400, "ValidationError", f"Subscription validation request failed. {reason}")

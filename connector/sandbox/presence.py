"""Presence: sessions of apps, the preferred presence, the status message, and what comes of them.

Source: Microsoft: Manage presence state using the Microsoft Graph API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .graph import route
from .scopes import PRESENCE_READ, PRESENCE_WRITE, PRESENCES_READ
from .time_zones import time_zone

_OFFLINE = ("Offline", "Offline")
_RANKS = ("DoNotDisturb", "Busy", "Available", "Away")
"""Of several sessions the first of these is shown."""
_SESSION_STATES = {
    ("Available", "Available"), ("Busy", "InACall"), ("Busy", "InAConferenceCall"), ("Away", "Away"),
    ("DoNotDisturb", "Presenting"),
}  # fmt: skip
_PREFERRED_STATES = {
    *((name, name) for name in ("Available", "Busy", "DoNotDisturb", "BeRightBack", "Away")),
    ("Offline", "OffWork"),
}
_SESSION_LIFE = (timedelta(minutes=5), timedelta(hours=4))
_MOST_ASKED = 650
_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


@dataclass(frozen=True, slots=True)
class State:
    """Availability and activity, and until when they hold."""

    availability: str
    activity: str
    until: datetime


@dataclass(slots=True)
class Presence:
    """What is known of one user; sessions by the id of the app."""

    sessions: dict[str, State] = field(default_factory=dict)
    preferred: State | None = None
    message: Item | None = None
    message_until: datetime | None = None
    changes: int = 0

    def shown(self, now: datetime) -> tuple[str, str]:
        """What others see: the preferred state, as long as some session lives, else the busiest session."""
        alive = [state for state in self.sessions.values() if state.until > now]
        if not alive:
            return _OFFLINE
        if self.preferred is not None and self.preferred.until > now:
            return self.preferred.availability, self.preferred.activity
        first = min(alive, key=lambda state: _RANKS.index(state.availability))
        return first.availability, first.activity


def _of(call: Call, user_id: str) -> Presence:
    return call.tenant.part(("presence", user_id), Presence)


def _changed(call: Call, user: str) -> Presence:
    found = _of(call, call.user_of(user)["id"])
    found.changes += 1
    return found


def _as_json(call: Call, user_id: str) -> Item:
    if user_id not in call.tenant.users:
        return {"id": user_id, "availability": "PresenceUnknown", "activity": "PresenceUnknown"}
    found = _of(call, user_id)
    availability, activity = found.shown(call.now)
    expired = found.message_until is not None and found.message_until <= call.now
    return {
        "id": user_id, "availability": availability, "activity": activity,
        "statusMessage": None if expired else found.message, "sequenceNumber": f"A{found.changes:013}",
        "outOfOfficeSettings": {"isOutOfOffice": False, "message": None}, "workLocation": None,
    }  # fmt: skip


@route("GET", "/users/{user}/presence", PRESENCE_READ)
def get_presence(call: Call, user: str) -> Answer:
    """The presence of one user."""
    return call.entity(_as_json(call, call.user_of(user)["id"]), context=f"users('{user}')/presence/$entity")


@route("POST", "/communications/getPresencesByUserId", PRESENCES_READ)
def get_presences(call: Call) -> Answer:
    """The presence of several users, by object id."""
    ids = call.json_body().get("ids")
    if not isinstance(ids, list) or not ids or len(ids) > _MOST_ASKED:
        raise _bad(f"The request must have at least one user id and at most {_MOST_ASKED}.")
    body = {"@odata.context": call.context_url("Collection(microsoft.graph.presence)")}
    return Answer(body=body | {"value": [_as_json(call, str(user_id)) for user_id in ids]})


@route("POST", "/users/{user}/presence/setPresence", PRESENCE_WRITE)
def set_presence(call: Call, user: str) -> Answer:
    """Begin, or go on with, the session of an app."""
    body = call.json_body()
    life = _duration(body, _SESSION_LIFE[0])
    if not _SESSION_LIFE[0] <= life <= _SESSION_LIFE[1]:
        raise _bad("The expiration of a session is between 5 minutes and 4 hours.")
    state = _state(body, _SESSION_STATES, call.now + life)
    _changed(call, user).sessions[_session_id(body)] = state
    return Answer(status=200)


@route("POST", "/users/{user}/presence/clearPresence", PRESENCE_WRITE)
def clear_presence(call: Call, user: str) -> Answer:
    """End the session of an app."""
    session_id = _session_id(call.json_body())
    _changed(call, user).sessions.pop(session_id, None)
    return Answer(status=200)


@route("POST", "/users/{user}/presence/setUserPreferredPresence", PRESENCE_WRITE)
def set_preferred_presence(call: Call, user: str) -> Answer:
    """Prefer a state to that of the sessions: for a day when it keeps others away, else for a week."""
    body = call.json_body()
    default = timedelta(days=1 if body.get("availability") in ("Busy", "DoNotDisturb") else 7)
    state = _state(body, _PREFERRED_STATES, call.now + _duration(body, default))
    _changed(call, user).preferred = state
    return Answer(status=200)


@route("POST", "/users/{user}/presence/clearUserPreferredPresence", PRESENCE_WRITE)
def clear_preferred_presence(call: Call, user: str) -> Answer:
    """Let the sessions decide again."""
    _changed(call, user).preferred = None
    return Answer(status=200)


@route("POST", "/users/{user}/presence/setStatusMessage", PRESENCE_WRITE)
def set_status_message(call: Call, user: str) -> Answer:
    """Show a message beside the name; an empty one takes it away."""
    given = call.json_body().get("statusMessage")
    if not isinstance(given, dict) or not isinstance(given.get("message"), dict):
        raise _bad("The parameter 'statusMessage' has no message.")
    expires = given.get("expiryDateTime")
    until = None if expires is None else _moment(expires)
    found = _changed(call, user)
    text = {"contentType": "text"} | given["message"]
    published = call.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    message = {"message": text, "expiryDateTime": expires, "publishedDateTime": published}
    found.message, found.message_until = (message if text.get("content") else None), until
    return Answer(status=200)


def _session_id(body: Item) -> str:
    session_id = str(body.get("sessionId") or "")
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", session_id):
        raise _bad("The session id must be the id of the application.")
    return session_id.casefold()


def _state(body: Item, known: set[tuple[str, str]], until: datetime) -> State:
    pair = (str(body.get("availability")), str(body.get("activity")))
    if pair not in known:
        raise _bad(f"The availability '{pair[0]}' does not go with the activity '{pair[1]}'.")
    return State(*pair, until)


def _duration(body: Item, default: timedelta) -> timedelta:
    text = body.get("expirationDuration")
    if text is None:
        return default
    match = _DURATION.fullmatch(str(text))
    if match is None or not any(match.groups()):
        raise _bad(f"Cannot convert '{text}' to Edm.Duration.")
    return timedelta(**{name: int(value) for name, value in match.groupdict("0").items()})


def _moment(given: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(given["dateTime"])
        return moment.replace(tzinfo=time_zone(given["timeZone"]))
    except (KeyError, TypeError, ValueError):
        raise _bad("The property 'expiryDateTime' has no date and time with a time zone.") from None


def _bad(message: str) -> GraphError:
    return GraphError(400, "BadRequest", message)

"""The settings of a mailbox: language, time zone, formats, working hours, automatic replies.

Source: Microsoft: mailboxSettings, workingHours, automaticRepliesSetting resource types; outlookUser:
supportedTimeZones, supportedLanguages.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from .answers import Answer, GraphError
from .call import Call
from .changelog import Item
from .event_items import date_time
from .graph import route
from .outlook import check_properties, document, not_found, one_of, settings_owner
from .recurrence import DAYS
from .scopes import MAILBOX_SETTINGS_READ, MAILBOX_SETTINGS_WRITE, OUTLOOK_CHOICES_READ
from .time_zones import iana_names, time_zone, windows_names

_SETTINGS = "/users/{user}/mailboxSettings"
_STATUSES = ("disabled", "alwaysEnabled", "scheduled")
_AUDIENCES = ("none", "contactsOnly", "all")
_DELEGATES = (
    "sendToDelegateAndInformationToPrincipal", "sendToDelegateAndPrincipal", "sendToDelegateOnly",
)  # fmt: skip
_LANGUAGES = {
    "de-DE": "German (Germany)", "en-GB": "English (United Kingdom)", "en-US": "English (United States)",
    "es-ES": "Spanish (Spain)", "fr-FR": "French (France)", "it-IT": "Italian (Italy)",
    "ja-JP": "Japanese (Japan)", "nl-NL": "Dutch (Netherlands)", "pl-PL": "Polish (Poland)",
    "pt-BR": "Portuguese (Brazil)", "sv-SE": "Swedish (Sweden)", "zh-CN": "Chinese (PRC)",
}  # fmt: skip
_WORKING_HOURS = ("daysOfWeek", "startTime", "endTime", "timeZone")
_REPLIES = (
    "status", "externalAudience", "internalReplyMessage", "externalReplyMessage", "scheduledStartDateTime",
    "scheduledEndDateTime",
)  # fmt: skip


def settings_of(call: Call, user: str) -> Item:
    """The settings of a mailbox; raises 403 and 404 as `settings_owner` does."""
    return kept_settings(call, settings_owner(call, user))


def kept_settings(call: Call, owner: Item) -> Item:
    """The settings of a mailbox, whoever asks, made on first use."""
    purpose = "shared" if call.tenant.accounts[owner["id"]].mailbox == "shared" else "user"
    return call.tenant.part(("mailboxSettings", owner["id"]), lambda: _first(call, purpose))


def _first(call: Call, purpose: str) -> Item:
    midnight = datetime.combine(call.now.date(), datetime.min.time())
    return {
        "archiveFolder": call.world.new_id("AQMk"), "timeZone": "UTC", "dateFormat": "yyyy-MM-dd",
        "timeFormat": "HH:mm", "delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
        "userPurpose": purpose, "language": {"locale": "en-US", "displayName": _LANGUAGES["en-US"]},
        "automaticRepliesSetting": {
            "status": "disabled", "externalAudience": "all", "internalReplyMessage": "",
            "externalReplyMessage": "", "scheduledStartDateTime": date_time(midnight, "UTC"),
            "scheduledEndDateTime": date_time(midnight, "UTC"),
        },
        "workingHours": {
            "daysOfWeek": list(DAYS[:5]), "startTime": "08:00:00.0000000", "endTime": "17:00:00.0000000",
            "timeZone": {"name": "UTC"},
        },
    }  # fmt: skip


@route("GET", _SETTINGS, MAILBOX_SETTINGS_READ)
def get_settings(call: Call, user: str) -> Answer:
    """All settings, or those that $select names."""
    return call.entity(settings_of(call, user), always=(), context=f"users('{user}')/mailboxSettings")


@route("GET", f"{_SETTINGS}/{{setting}}", MAILBOX_SETTINGS_READ)
def get_setting(call: Call, user: str, setting: str) -> Answer:
    """One setting: an object as it is, a text as `value`."""
    settings = settings_of(call, user)
    if setting not in settings:
        raise not_found()
    value, context = settings[setting], call.context_url(f"users('{user}')/mailboxSettings/{setting}")
    return Answer(body={"@odata.context": context} | (value if isinstance(value, dict) else {"value": value}))


@route("PATCH", _SETTINGS, MAILBOX_SETTINGS_WRITE)
def update_settings(call: Call, user: str) -> Answer:
    """Change some settings; what was named comes back."""
    settings, body = settings_of(call, user), call.json_body()
    check_properties(body, settings, "mailboxSettings")
    changes = {name: _changed(settings, name, value) for name, value in body.items() if name in settings}
    settings |= changes
    context = {"@odata.context": call.context_url(f"users('{user}')/mailboxSettings")}
    return Answer(body=context | changes)


def _changed(settings: Item, name: str, value: Any) -> Any:
    if name == "automaticRepliesSetting":
        return _replies(settings[name], _object(name, value, _REPLIES))
    if name == "workingHours":
        return _working_hours(settings[name], _object(name, value, _WORKING_HOURS))
    if name == "language":
        return _language(_object(name, value, ("locale", "displayName")))
    if name == "delegateMeetingMessageDeliveryOptions":
        return one_of(value, _DELEGATES)
    if name == "timeZone":
        time_zone(value)
        return value
    if name in ("dateFormat", "timeFormat"):
        return str(value)
    raise GraphError(400, "ErrorInvalidRequest", f"The setting '{name}' is read-only.")


def _object(name: str, value: Any, known: tuple[str, ...]) -> Item:
    if not isinstance(value, dict):
        raise GraphError(400, "RequestBodyRead", f"The value of '{name}' is not an object.")
    check_properties(value, known, name)
    return {key: inner for key, inner in value.items() if key in known}


def _language(given: Item) -> Item:
    locale = next((code for code in _LANGUAGES if code == given.get("locale")), None)
    if locale is None:
        raise GraphError(
            400, "ErrorInvalidRequest", f"The language '{given.get('locale')}' is not supported."
        )
    return {"locale": locale, "displayName": _LANGUAGES[locale]}


def _working_hours(kept: Item, given: Item) -> Item:
    changed = kept | given
    changed["daysOfWeek"] = [one_of(day, DAYS) for day in changed["daysOfWeek"] or []]
    zone = changed["timeZone"] or {}
    if "customTimeZone" not in str(zone.get("@odata.type", "")):
        time_zone(zone.get("name"))
    if not str(changed["startTime"]) < str(changed["endTime"]):
        raise GraphError(400, "ErrorInvalidRequest", "The working hours must end after they begin.")
    return changed


def _replies(kept: Item, given: Item) -> Item:
    changed = kept | given
    changed["status"] = one_of(changed["status"], _STATUSES)
    changed["externalAudience"] = one_of(changed["externalAudience"], _AUDIENCES)
    for name in ("internalReplyMessage", "externalReplyMessage"):
        text = str(changed[name] or "")
        changed[name] = document(text) if text and "<html" not in text.casefold() else text
    for name in ("scheduledStartDateTime", "scheduledEndDateTime"):
        changed[name] = _in_utc(changed[name])
    start, end = changed["scheduledStartDateTime"], changed["scheduledEndDateTime"]
    if changed["status"] == "scheduled" and not start["dateTime"] < end["dateTime"]:
        raise GraphError(
            400, "ErrorInvalidScheduledOofDuration", "Scheduled replies must end after they begin."
        )
    return changed


def _in_utc(value: Any) -> Item:
    try:
        wall = datetime.fromisoformat(value["dateTime"][:26]).replace(tzinfo=time_zone(value["timeZone"]))
    except (KeyError, TypeError, ValueError):
        raise GraphError(400, "RequestBodyRead", "The value is not a valid dateTimeTimeZone.") from None
    return date_time(wall.astimezone(UTC).replace(tzinfo=None), "UTC")


# What can be chosen


@route("GET", "/users/{user}/outlook/supportedLanguages", OUTLOOK_CHOICES_READ)
def list_languages(call: Call, user: str) -> Answer:
    """The languages of the server of the mailbox."""
    call.mailbox_owner(user)
    languages = [{"locale": code, "displayName": name} for code, name in _LANGUAGES.items()]
    return call.collection(languages, default_page=len(languages))


@route("GET", "/users/{user}/outlook/supportedTimeZones", OUTLOOK_CHOICES_READ)
@route("GET", "/users/{user}/outlook/supportedTimeZones({TimeZoneStandard})", OUTLOOK_CHOICES_READ)
def list_time_zones(call: Call, user: str, TimeZoneStandard: str = "windows") -> Answer:  # noqa: N803
    """The time zones of the server of the mailbox, by the names of Windows or of IANA."""
    call.mailbox_owner(user)
    standard = one_of(TimeZoneStandard, ("windows", "iana"))
    names = windows_names() if standard == "windows" else iana_names()
    zones = [{"alias": name, "displayName": f"{_distance(call, name)} {name}"} for name in names]
    return call.collection(zones, default_page=len(zones))


def _distance(call: Call, name: str) -> str:
    """How far a zone is from UTC now, as Outlook writes it before the name: `(UTC+01:00)`."""
    offset = call.now.astimezone(time_zone(name)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"(UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02})" if minutes else "(UTC)"

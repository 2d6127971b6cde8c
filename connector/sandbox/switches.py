"""The switches of the sandbox: points on which Microsoft's documents disagree, are silent, or changed.

Every field is one such point. A connector must work on either side of each, so tests flip them through
`/_sandbox/switches` instead of patching code. Nothing else of the sandbox decides between variants.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints


class UnknownSwitch(ValueError):
    """A switch was set that does not exist, or to a value outside its range."""


@dataclass(frozen=True, slots=True)
class Switches:
    """How this Entra and this Graph behave where the real ones are not fixed."""

    # Entra ID
    refresh_rotation: Literal["old_stays_valid", "old_revoked"] = "old_stays_valid"
    """What a used refresh token is worth. Entra leaves it valid; other providers revoke it."""
    refresh_token_days: int = 90
    """Days a refresh token lives without use (AADSTS700082 afterwards)."""
    access_token_seconds: int = 4183
    """Life of an access token; Entra draws 60 to 90 minutes, policies allow other values."""
    cae_token_seconds: int = 86_400
    """Life of an access token of a client that declared `cp1`."""
    expires_in_as_text: bool = False
    """Answer `expires_in` as a string, as some proxies do."""
    token_scope_form: Literal["short", "uri", "encoded", "shouting"] = "short"
    """How the token answer writes scopes: names, full URIs, percent-encoded URIs, or upper case."""
    echo_openid_scopes: bool = True
    """Whether openid, profile and email come back in the token answer (offline_access never does)."""
    token_scopes_dropped: tuple[str, ...] = ()
    """Scopes that a token never carries although they were granted (per-user policy, partial consent)."""
    omit_refresh_token: bool = False
    """Leave the refresh token out although offline_access was asked."""
    omit_id_token: bool = False
    """Leave the id_token out although openid was asked."""
    id_token_forgery: Literal[
        "", "none", "tid", "iss", "aud", "kid", "nonce", "expired", "version", "oid"
    ] = ""
    """Issue id_tokens that are wrong in one point; a client has to refuse each of them."""
    partial_consent: bool = False
    """Let people untick single permissions on the consent page (personal accounts can; work accounts not)."""
    consent_delay_seconds: float = 0
    """Seconds before a new admin consent takes effect at the token endpoint."""
    require_pkce: bool = False
    """Refuse authorization requests without a code challenge (AADSTS501491)."""
    device_code_interval_seconds: int = 5
    """Pause that a device login asks between polls."""
    device_code_seconds: int = 900
    """Life of a device code."""
    client_assertion_algorithms: tuple[str, ...] = ("PS256", "RS256")
    """Algorithms accepted for certificate assertions; RS256 with x5t is the older documented form."""
    invalid_client_status: Literal[400, 401] = 401
    """HTTP status of `invalid_client`."""

    # Graph, every workload
    read_after_write_delay_seconds: float = 0
    """Seconds until a write shows in lists and delta (single reads see it at once)."""
    ignored_filters: bool = False
    """Ignore $filter silently, as some workloads do with expressions they do not support."""
    delta_410_location: bool = True
    """Whether a 410 of a delta query carries a Location with a fresh start."""
    delta_410_code: Literal["SyncStateNotFound", "resyncRequired", "syncStateNotFound"] = "SyncStateNotFound"
    """Code of that 410."""
    delta_replays: bool = False
    """Repeat the first item of a delta page at its end; the documents allow replays."""
    delta_token_days: int = 7
    """Days until a delta token is gone (directory: 7; other workloads publish no figure)."""
    batch_throttle_424: bool = False
    """Answer a whole batch with 424 once one of its items was throttled."""
    batch_reversed: bool = True
    """Answer the items of a batch in another order than they were asked."""
    mailbox_concurrency: int = 4
    """Requests of one app that may run in one mailbox at a time; 0 lifts the limit."""
    mailbox_concurrency_retry_after: bool = False
    """Whether that 429 says how long to wait; it often does not."""
    mailbox_requests_per_10_minutes: int = 10_000
    """Token bucket of one app and one mailbox; 0 lifts the limit."""
    tenant_requests_per_10_seconds: int = 0
    """Token bucket of one app and one tenant in resource units of one request each; 0 lifts the limit."""
    drive_units_per_minute: int = 1_250
    """SharePoint resource units of one app and one tenant; 0 lifts the limit."""
    answer_delay_seconds: float = 0
    """Time every Graph request takes; lets concurrency limits be seen."""

    # Mail and calendars
    outlook_ids: Literal["base64", "url_safe"] = "base64"
    """Signs in the ids of items: `/` and `+`, which URLs escape, or `-` and `_`. Both are seen."""
    sent_items_delay_seconds: float = 0
    """Seconds from sending a message until its copy is in Sent Items; a draft waits in the Outbox."""
    body_type_preference_ignored: bool = False
    """Ignore the preferred body type, and do not confirm it."""
    duplicate_transaction: Literal["created_again", "found", "conflict"] = "created_again"
    """Answer to an event with a transactionId already used: 201 or 200 with that event, or 409."""
    declined_events_kept: bool = False
    """Keep declined events in the attendee's calendar, as people may set it in Outlook."""
    delegates_reach_settings_and_tasks: bool = True
    """Whether who may open a mailbox also reaches its settings and tasks: documented, but seen refused."""

    # Subscriptions
    subscription_mailbox_minutes: int = 10_080
    """Longest life of a subscription to messages, events or contacts; 4,230 in documents before 2025."""

    # Drives
    unprovisioned_drive_status: Literal[404, 401] = 404
    """Answer to the drive of a user who has none; both are documented."""
    file_hashes: tuple[str, ...] = ("quickXorHash",)
    """Hashes that files carry, of quickXorHash, sha1Hash and sha256Hash; drives differ in that."""
    office_files_change: bool = False
    """Let document libraries write their properties into Office files, which changes size and hash."""
    drive_put_limit_bytes: int = 250 * 1024 * 1024
    """Largest file that one PUT takes: 250 MB today, 4 MB in the documents of 2021."""
    drive_search_delay_seconds: float = 0
    """Seconds until the search index has a new file."""
    drive_resync_code: Literal[
        "resyncRequired", "resyncChangesApplyDifferences", "resyncChangesUploadDifferences"
    ] = "resyncRequired"
    """Code of the 410 of a drive's delta query."""
    download_url_seconds: float = 3600
    """Life of a pre-authorised download URL."""
    download_ignores_ranges: bool = False
    """Answer a Range with the whole file and 200, as HTTP allows."""
    upload_session_seconds: float = 86_400
    """Life of an upload session."""
    upload_conflict: Literal["at_end", "at_start"] = "at_end"
    """When a session that must not replace anything finds its name taken."""
    upload_lost_fragment: int = 0
    """Number of the fragment that each session forgets once the next one has come; 0: none."""
    copy_polls: int = 1
    """How often the monitor of a copy says `inProgress` at least."""
    copy_seconds: float = 0
    """How long the monitor of a copy says `inProgress` at least."""
    copy_error: str = ""
    """Code of the error that copies end with; empty: they succeed."""
    copy_end: Literal["202", "200", "303"] = "202"
    """How a monitor reports success: a body with 202 or 200, or a redirect to the item."""
    anonymous_links_allowed: bool = True
    """Whether the company lets files be shared with anyone."""

    def with_values(self, values: dict[str, Any]) -> Switches:
        """A copy with some switches set from JSON; raises UnknownSwitch naming field and range."""
        hints = get_type_hints(type(self))
        known = {field.name for field in fields(self)}
        changes: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise UnknownSwitch(f"There is no switch {name!r}. Known: {', '.join(sorted(known))}.")
            changes[name] = _converted(name, hints[name], value)
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        """All switches with their values, ready for JSON."""
        return asdict(self)


def _converted(name: str, kind: Any, value: Any) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            allowed = ", ".join(repr(choice) for choice in get_args(kind))
            raise UnknownSwitch(f"Switch {name!r} cannot be {value!r}. It takes one of: {allowed}.")
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise UnknownSwitch(f"Switch {name!r} takes a list of strings, not {value!r}.")
        return tuple(value)
    if kind is bool:
        accepted: tuple[type, ...] = (bool,)
    elif kind is float:
        accepted = (int, float)
    else:
        accepted = (kind,)
    if not isinstance(value, accepted) or (kind is not bool and isinstance(value, bool)):
        raise UnknownSwitch(f"Switch {name!r} takes a value of type {kind.__name__}, not {value!r}.")
    return value

"""What a refusal of Entra ID means: whose turn it is, where the connection stands, what to say.

The table is data, `aadsts.json`: one entry per AADSTS number in our own words, with defaults per
class, and what an `error` value means by itself, because numbers change and new ones come
(Microsoft: Microsoft Entra authentication and authorization error codes).

Of Entra's own description only the number is used: it quotes user names and addresses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from connector.errors import (
    AppMisconfigured,
    ConnectorError,
    ConsentRequired,
    NotConnected,
    SignInRefused,
    Throttled,
    Unavailable,
)
from connector.tenancy import Status

Who = Literal["user", "customer_admin", "operator", "nobody", "us"]

CREDENTIAL_NUMBERS = frozenset({50012, 70002, 700024, 700027, 700030, 7000215, 7000222})
"""The app's credential was refused: another one may do."""
LOOP_DETECTED = 50196
ASSERTION_OUT_OF_TIME = 700024
PROOF_KEY_MISMATCH = 501481
DECLINED = 65004

_NUMBER = re.compile(r"AADSTS(\d{4,8})")
_MAX_RETRY_AFTER_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal, understood.

    `error` and `aadsts` are what Entra ID said, `kind` our class of it. `state` is where it leads a
    connection; None leaves it where it is. `claims` must go along with the next sign-in.
    """

    error: str
    kind: str
    who: Who
    text: str
    remedy: str
    state: Status | None = None
    aadsts: int | None = None
    name: str | None = None
    status: int | None = None
    claims: str | None = field(default=None, repr=False)
    retry_after_seconds: float | None = None
    trace_id: str | None = None
    correlation_id: str | None = None

    @property
    def about_credential(self) -> bool:
        """Whether the app's secret or certificate was refused."""
        return self.error == "invalid_client" or self.aadsts in CREDENTIAL_NUMBERS

    @property
    def message(self) -> str:
        """What happened, what to do, and the numbers for support."""
        numbers = [f"AADSTS{self.aadsts}" if self.aadsts else self.error]
        if self.trace_id:
            numbers.append(f"trace ID {self.trace_id}")
        return f"{self.text} {self.remedy} ({', '.join(filter(None, numbers))})"


class RefusedByEntra(Exception):
    """Entra ID said no. Stays inside `connector.auth`, which turns it into an error of the connector."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@cache
def table() -> Mapping[str, Any]:
    """The table as it is in the file: `classes`, `errors`, `suberrors`, `codes`."""
    loaded: Mapping[str, Any] = json.loads(
        resources.files("connector.auth").joinpath("aadsts.json").read_text("utf-8")
    )
    return loaded


def of_answer(status: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """The refusal in an answer of the token endpoint that is no token.

    A body that is no error JSON (empty, a proxy's page, HTML with status 200) is a passing fault.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("error"), str):
        answer = {"error": "server_error"}
    return of_fields(answer, status=status, retry_after=headers.get("Retry-After"))


def of_fields(
    answer: Mapping[str, Any], *, status: int | None = None, retry_after: str | None = None
) -> Refusal:
    """The refusal in the fields of an error answer, or of a callback's query."""
    error = str(answer.get("error") or "")
    number = _number(answer)
    entry: Mapping[str, Any] = table()["codes"].get(str(number), {})
    kind = _kind(entry, error, answer.get("suberror"), status)
    if entry and kind != entry["class"]:
        entry = {}
    defaults = table()["classes"][kind]
    state = entry.get("state", defaults["state"])
    claims = answer.get("claims")
    return Refusal(
        error=error,
        kind=kind,
        who=entry.get("who", defaults["who"]),
        text=entry.get("text") or _GENERAL[kind],
        remedy=entry.get("remedy", defaults["remedy"]),
        state=Status(state) if state else None,
        aadsts=number,
        name=entry.get("name"),
        status=status,
        claims=claims if isinstance(claims, str) else None,
        retry_after_seconds=_retry_after(retry_after),
        trace_id=_identifier(answer.get("trace_id")),
        correlation_id=_identifier(answer.get("correlation_id")),
    )


_GENERAL = {
    "retry": "Entra ID has a passing fault.",
    "reconnect": "Entra ID no longer accepts the sign-in.",
    "user_consent": "Permissions were not granted.",
    "admin_consent": "An administrator must approve the app.",
    "wrong_tenant": "The organisation or the cloud is not the right one.",
    "operator": "Entra ID does not accept the app.",
    "user_state": "The user's account or the organisation does not allow this.",
    "policy": "A policy of the organisation refused the sign-in.",
    "defect": "Entra ID refused the request as wrong.",
    "pending": "The sign-in is not finished.",
}


def _number(answer: Mapping[str, Any]) -> int | None:
    """The first number that the table knows, else the first."""
    codes = answer.get("error_codes")
    numbers = [code for code in codes if isinstance(code, int)] if isinstance(codes, list) else []
    numbers += [int(digits) for digits in _NUMBER.findall(str(answer.get("error_description") or ""))]
    known = [number for number in numbers if str(number) in table()["codes"]]
    return next(iter(known or numbers), None)


def _kind(entry: Mapping[str, Any], error: str, suberror: object, status: int | None) -> str:
    """The class: load and faults by status, then the number, then what is said beside it."""
    if status is not None and (status == 429 or status >= 500):
        return "retry"
    if entry:
        return str(entry["class"])
    by_suberror = table()["suberrors"].get(suberror) if isinstance(suberror, str) else None
    return str(by_suberror or table()["errors"].get(error) or ("defect" if error else "retry"))


def _retry_after(text: str | None) -> float | None:
    """Entra ID gives whole seconds; what cannot be true is cut."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return min(seconds, _MAX_RETRY_AFTER_SECONDS) if seconds >= 0 else None


def _identifier(value: object) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"[0-9A-Za-z-]{1,64}", value) else None


def as_error(refusal: Refusal) -> ConnectorError:
    """The error of a connection that cannot get a token."""
    return _shared_error(refusal) or NotConnected(refusal.message, aadsts=refusal.aadsts, who=refusal.who)


def as_sign_in_error(
    refusal: Refusal, *, connect_url: str | None = None, missing_scopes: Sequence[str] = ()
) -> ConnectorError:
    """The error of a sign-in that came back refused; nothing was stored."""
    declined = refusal.aadsts == DECLINED or (refusal.error == "access_denied" and not refusal.aadsts)
    reason = "declined" if declined else refusal.kind
    if refusal.aadsts == PROOF_KEY_MISMATCH:
        reason = "proof_key_mismatch"
    shared = None if reason != refusal.kind else _shared_error(refusal, connect_url, missing_scopes)
    return shared or SignInRefused(
        refusal.message, reason=reason, aadsts=refusal.aadsts, who=refusal.who, state=refusal.state
    )


def _shared_error(
    refusal: Refusal, connect_url: str | None = None, missing_scopes: Sequence[str] = ()
) -> ConnectorError | None:
    """What is the same for a new sign-in and an old one.

    The errors have no `status`: Entra ID was asked again already, and the retries of the call, which go by
    Graph's status, must not multiply that.
    """
    if refusal.kind == "retry":
        error = Throttled if refusal.status == 429 else Unavailable
        return error(refusal.message, retry_after_seconds=refusal.retry_after_seconds)
    if refusal.kind in ("user_consent", "admin_consent"):
        return ConsentRequired(
            refusal.message,
            missing_scopes=missing_scopes,
            connect_url=connect_url,
            aadsts=refusal.aadsts,
            who=refusal.who,
        )
    if refusal.kind in ("operator", "defect"):
        return AppMisconfigured(refusal.message, aadsts=refusal.aadsts, who=refusal.who)
    return None

"""Error answers of Graph become errors: which class, in which words, and what is known of the write.

Sources: Microsoft Graph error responses and resource types; throttling guidance; the error codes of
Outlook, OneDrive and the directory. Classes follow from the status; codes only refine the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.errors import (
    Conflict,
    Forbidden,
    GraphError,
    NotConnected,
    NotFound,
    Outcome,
    ProtocolError,
    QuotaExceeded,
    Rejected,
    ResyncRequired,
    Throttled,
    Unavailable,
)
from connector.graph.retry import retry_after_seconds
from connector.wire import Request, Response

_MAX_MESSAGE = 300

_CLASSES: dict[int, type[GraphError]] = {
    403: Forbidden, 404: NotFound, 409: Conflict, 410: ResyncRequired, 412: Conflict, 423: Conflict,
    429: Throttled, 507: QuotaExceeded, 509: Throttled,
}  # fmt: skip

_ADVICE: dict[str, str] = {
    "mailboxnotenabledforrestapi": "This account has no Exchange Online mailbox: check its licence, "
    "or wait up to a day after one was given.",
    "resourcenotfound": "If this is about a mailbox, the account has none in this tenant.",
    "errornonexistentmailbox": "Check the address: there is no such mailbox.",
    "erroritemnotfound": "It was deleted or moved; list again to get its present ID.",
    "errorinvalididmalformed": "Give the ID exactly as Graph gave it out.",
    "itemnotfound": "It was deleted or moved; list again to get its present ID.",
    "request_resourcenotfound": "Check the ID or the user principal name.",
    "authorization_requestdenied": "The signed-in user's role or the granted permissions do not allow this; "
    "an administrator of the tenant can.",
    "erroraccessdenied": "A permission is missing, or the owner has not shared this mailbox or calendar.",
    "accessdenied": "A permission is missing, or the owner has not shared this item.",
    "errorsendasdenied": "Ask for Send As or Send on Behalf rights on that mailbox, or leave the sender out.",
    "erroraccountsuspend": "Microsoft has blocked the account; its owner must sign in and confirm it.",
    "errorquotaexceeded": "The mailbox is full: delete something, or ask for more space.",
    "errorexceededmessagelimit": "The mailbox has sent as much as Microsoft allows for now; try tomorrow.",
    "errormessagesizeexceeded": "Send smaller attachments, or a link to the file.",
    "inefficientfilter": "Put the properties of order_by first in the filter too, in the same order.",
    "searchwithorderby": "Leave order_by out together with search: results come by date.",
    "searchwithfilter": "Leave filter out together with search.",
    "request_unsupportedquery": "Graph cannot filter, sort or search by this here.",
    "timezonenotsupportedexception": "Use a time zone name that Windows or IANA knows.",
    "namealreadyexists": "Choose another name, or say what to do when the name exists.",
    "errorfolderexists": "Choose another name.",
    "resourcemodified": "Somebody changed it meanwhile: read it again, then write.",
    "errorirresolvableconflict": "Somebody changed it meanwhile: read it again, then write.",
    "quotalimitreached": "The drive is full: delete something, or ask for more space.",
    "malwaredetected": "Microsoft found malware in this file and does not give it out.",
    "notallowed": "Microsoft does not allow this for this item.",
    "syncstatenotfound": "Start the delta again without a cursor.",
    "resyncrequired": "Start the delta again without a cursor.",
    "applicationthrottled": "Too many calls at once to this mailbox.",
    "resourcebeingprovisioned": "Microsoft is still setting this up; try again in a quarter of an hour.",
    "insufficient_claims": "A Conditional Access policy of the tenant asks the user to sign in again.",
}

_STATUS_ADVICE: dict[int, str] = {
    401: "Sign in again.",
    403: "Check the permissions of the app and the rights of the user.",
    404: "Check the ID.",
    410: "Start again without a cursor.",
    412: "Read it again, then write.",
    413: "Send less at once.",
    423: "Somebody has the file open or checked out; try again later.",
    429: "Try again later.",
}


def error_of(request: Request, response: Response, now: datetime) -> GraphError | NotConnected:
    """The error that an answer of status 300 and above stands for."""
    code, text = graph_code_and_message(response)
    status = response.status
    request_id = response.headers.get("request-id") or None
    message = _words(status, code, text)
    outcome = outcome_of(request, status, has_retry_after="Retry-After" in response.headers)
    if 300 <= status < 400:
        return ProtocolError(
            f"{message} Graph redirected a call that it should answer; the redirect was not followed.",
            status=status, request_id=request_id, outcome=outcome,
        )  # fmt: skip
    if status == 401:
        return NotConnected(message, who="user", outcome=outcome)
    kind = _CLASSES.get(status, Unavailable if status >= 500 and status != 501 else Rejected)
    if code and code.lower() in ("errorquotaexceeded", "quotalimitreached"):
        kind = QuotaExceeded
    facts: dict[str, Any] = {
        "status": status, "graph_code": code, "request_id": request_id, "outcome": outcome,
    }  # fmt: skip
    if issubclass(kind, Throttled | Unavailable):
        facts["retry_after_seconds"] = retry_after_seconds(response.headers, now)
    return kind(message, **facts)


def outcome_of(request: Request, status: int, *, has_retry_after: bool) -> Outcome | None:
    """What is known of a write: Graph's refusals did nothing, its faults may have done it."""
    if request.verb in ("GET", "HEAD"):
        return None
    if status < 500 or status in (501, 507, 509) or (status == 503 and has_retry_after):
        return "not_done"
    return "unknown"


def graph_code_and_message(response: Response) -> tuple[str | None, str | None]:
    """Graph's code and message, from any of the forms that its services use.

    Of nested inner errors the deepest code that has advice counts; an empty code counts as none.
    """
    body = response.json
    if not isinstance(body, Mapping):
        return None, None
    error = body.get("error", body)
    if isinstance(error, str):
        return error, _text(body.get("error_description"))
    if not isinstance(error, Mapping):
        return None, None
    code = _text(error.get("code")) or _text(error.get("ErrorCode"))
    inner = error.get("innerError") or error.get("innererror")
    for _ in range(10):
        if not isinstance(inner, Mapping):
            break
        deeper = _text(inner.get("code"))
        if deeper and (not code or deeper.lower() in _ADVICE):
            code = deeper
        inner = inner.get("innerError") or inner.get("innererror")
    message = error.get("message", error.get("ErrorMessage"))
    if isinstance(message, Mapping):
        message = message.get("value")
    return code, _text(message)


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _words(status: int, code: str | None, text: str | None) -> str:
    said = " ".join((text or "").split())
    said = said if len(said) <= _MAX_MESSAGE else said[: _MAX_MESSAGE - 1] + "…"
    first = f"Graph answered {status}{f' {code}' if code else ''}{f': {said}' if said else ''}"
    advice = _ADVICE.get((code or "").lower()) or _STATUS_ADVICE.get(status, "")
    return f"{first.rstrip('.')}. {advice}".rstrip()

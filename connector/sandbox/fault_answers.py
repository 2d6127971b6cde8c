"""How refusals look: statuses with their many envelopes, pages of proxies, claims challenges, gzip bombs.

Sources: Microsoft Graph error responses and resource types; Claims challenges, claims requests, and client
capabilities.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from .answers import Answer
from .permissions import GRAPH_APP_ID
from .state import World

if TYPE_CHECKING:
    from .faults import Fault

_HTML = "<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
_LINE = b"0" * 65536
Envelope = Callable[[str, str, str, str], Any]


def _standard(code: str, message: str, date: str, request_id: str) -> Any:
    inner = {"date": date, "request-id": request_id, "client-request-id": request_id}
    return {"error": {"code": code, "message": message, "innerError": inner}}


def _lower_inner(code: str, message: str, date: str, request_id: str) -> Any:
    inner = {"code": code, "requestId": request_id, "date": date}
    return {"error": {"code": code, "message": message, "innererror": inner}}


def _nested(code: str, message: str, date: str, request_id: str) -> Any:
    inner = {"code": "outer", "innerError": {"code": code, "request-id": request_id, "date": date}}
    return {"error": {"code": "generalException", "message": message, "innerError": inner}}


def _details(code: str, message: str, date: str, request_id: str) -> Any:
    body = _standard(code, message, date, request_id)
    body["error"] |= {"target": "resource", "details": [{"code": code, "message": message}]}
    return body


ENVELOPES: dict[str, Envelope] = {
    "standard": _standard,
    "lower_inner": _lower_inner,
    "nested": _nested,
    "details": _details,
    "no_inner": lambda code, message, date, request_id: {"error": {"code": code, "message": message}},
    "empty_code": lambda code, message, date, request_id: _standard("", message, date, request_id),
    "unknown": lambda code, message, date, request_id: _standard("UnknownError", "", date, request_id),
    "odata": lambda code, message, date, request_id: {
        "error": {"code": code, "message": {"lang": "en-US", "value": message}}
    },
    "entra": lambda code, message, date, request_id: {"error": code, "error_description": message},
    "autodiscover": lambda code, message, date, request_id: {"ErrorCode": code, "ErrorMessage": message},
    "list": lambda code, message, date, request_id: [{"error": {"code": code}}],
    "text": lambda code, message, date, request_id: f"{code}: {message}",
}
"""Shapes in which services behind Graph report errors."""


def body_bytes(result: Answer) -> bytes:
    """The body of an answer as bytes."""
    if result.body is not None:
        return json.dumps(result.body).encode()
    content = result.content or b""
    return content if isinstance(content, bytes) else b"".join(content)


def gzip_bomb(size_bytes: int) -> bytes:
    """A small gzip body that unpacks to about this many bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(_LINE) for _ in range(size_bytes // len(_LINE) + 1)), packer.flush()])


def _headers(world: World, fault: Fault) -> dict[str, str]:
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        value = fault.retry_after
        if value.startswith("date+"):
            at = world.clock.now() + timedelta(seconds=float(value.removeprefix("date+")))
            value = format_datetime(at, usegmt=True)
        headers["Retry-After"] = value
    return headers


def _status(world: World, fault: Fault, request_id: str) -> Answer:
    date = world.clock.now().strftime("%Y-%m-%dT%H:%M:%S")
    envelope = ENVELOPES[fault.envelope]
    return Answer(fault.status, envelope(fault.code, fault.message, date, request_id),
                  headers=_headers(world, fault))  # fmt: skip


def _html(world: World, fault: Fault, request_id: str) -> Answer:
    page = _HTML.format(status=fault.status).encode()
    return Answer(fault.status, content=page, headers={"Content-Type": "text/html"} | _headers(world, fault))


def _empty(world: World, fault: Fault, request_id: str) -> Answer:
    return Answer(fault.status, content=b"", headers=_headers(world, fault))


def _truncated(world: World, fault: Fault, request_id: str) -> Answer:
    answer = _status(world, fault, request_id)
    data = body_bytes(answer)
    return Answer(fault.status, content=data[: len(data) // 2],
                  headers={"Content-Type": "application/json"} | answer.headers)  # fmt: skip


def _redirect(world: World, fault: Fault, request_id: str) -> Answer:
    return Answer(302, content=b"", headers={"Location": fault.url} | _headers(world, fault))


def _challenge(world: World, fault: Fault, request_id: str) -> Answer:
    header = claims_challenge(int(world.clock.now().timestamp()), fault.challenge)
    message = "Continuous access evaluation resulted in challenge."
    body = _standard("InvalidAuthenticationToken", message, "", request_id)
    return Answer(401, body, headers={"WWW-Authenticate": header} | fault.headers)


def claims_challenge(not_before: int, form: str = "padded") -> str:
    """A `WWW-Authenticate` value that demands claims.

    `form`: `padded`, `unpadded` or `urlsafe` base64, `several` (after another challenge, with commas inside a
    quoted text), `broken` (no base64 at all).
    """
    claims = {
        "access_token": {"nbf": {"essential": True, "value": str(not_before)}, "x?>": {"value": "~~~??"}}
    }
    raw = json.dumps(claims, separators=(",", ":")).encode()
    encoded = base64.b64encode(raw).decode()
    encoded = {
        "unpadded": encoded.rstrip("="), "urlsafe": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "broken": "%%%",
    }.get(form, encoded)  # fmt: skip
    challenge = (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
        f'client_id="{GRAPH_APP_ID}", error="insufficient_claims", claims="{encoded}"'
    )
    if form == "several":
        return f'PoP realm="a, b=c", error="invalid_token", {challenge}'
    return challenge


REFUSALS: dict[str, Callable[[World, Fault, str], Answer]] = {
    "status": _status,
    "html": _html,
    "empty": _empty,
    "truncated": _truncated,
    "redirect": _redirect,
    "challenge": _challenge,
}
"""Answers of faults that keep a request from being executed."""

"""Errors of Entra ID: codes, the OAuth error each belongs to, and the JSON in which they travel.

The texts are the sandbox's own; clients must go by `error` and the code. Source: Microsoft: Microsoft Entra
authentication and authorization error codes.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

OAUTH_ERRORS: dict[int, str] = {
    **dict.fromkeys((50173, 70000, 70008, 700082, 700084, 54005, 700005, 501481, 50020, 50034, 50057, 50089,
                     65001, 70043, 50013, 50126, 50055, 700003, 53003, 50105, 50133, 50196, 9002313, 500208,
                     50014), "invalid_grant"),
    **dict.fromkeys((50072, 50074, 50076, 50079, 50158, 53000, 53001, 53002, 16000), "interaction_required"),
    **dict.fromkeys((50058, 50140), "login_required"),
    **dict.fromkeys((7000215, 7000222, 7000218, 700021, 700024, 700025, 700027, 50012), "invalid_client"),
    **dict.fromkeys((700016, 7000112, 700030, 7000216, 700051, 900382), "unauthorized_client"),
    **dict.fromkeys((70011, 28002, 28003), "invalid_scope"),
    **dict.fromkeys((500011, 650052, 650057, 500014), "invalid_resource"),
    **dict.fromkeys((900144, 90014, 90023, 501491, 50147, 50011, 50194, 90019, 700022, 9001023, 901002),
                    "invalid_request"),
    **dict.fromkeys((90033, 90055, 50033, 70012, 90006), "temporarily_unavailable"),
    **dict.fromkeys((50000, 90036), "server_error"),
    70003: "unsupported_grant_type",
    700054: "unsupported_response_type",
    90002: "invalid_tenant",
    65004: "access_denied",
    70016: "authorization_pending",
    70018: "bad_verification_code",
    70020: "expired_token",
    90094: "consent_required",
    90095: "consent_required",
}  # fmt: skip
"""OAuth error by AADSTS number, where the sandbox knows it."""

_SUBERRORS: dict[int, str] = {
    **dict.fromkeys((50173, 700082, 70008, 70043), "bad_token"),
    **dict.fromkeys((50076, 50074, 50158), "basic_action"),
    **dict.fromkeys((50072, 50079), "additional_action"),
    **dict.fromkeys((53003, 53000, 53001, 53002, 50057, 50105), "message_only"),
    65001: "consent_required",
    50055: "user_password_expired",
}  # fmt: skip
_STATUSES: dict[int, int] = {90055: 429, 90033: 503, 50033: 503, 50000: 500, 90036: 500, 70012: 503}


@dataclass
class EntraError(Exception):
    """An error of Entra. As a page, a callback or JSON, depending on where it happens."""

    code: int
    text: str
    error: str = ""
    status: int = 0
    suberror: str = ""
    claims: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    """Extra response headers, e.g. Retry-After."""

    def __post_init__(self) -> None:
        self.error = self.error or OAUTH_ERRORS.get(self.code, "invalid_request")
        self.suberror = self.suberror or _SUBERRORS.get(self.code, "")
        self.status = self.status or _STATUSES.get(self.code, 400)

    def description(self, now: datetime) -> str:
        """`error_description`, with fresh trace and correlation ids."""
        return _description(self, now, str(uuid.uuid4()), str(uuid.uuid4()))

    def as_json(self, now: datetime, origin: str, correlation_id: str | None) -> dict[str, Any]:
        """The error answer of the token endpoint."""
        trace_id, correlation_id = str(uuid.uuid4()), correlation_id or str(uuid.uuid4())
        answer: dict[str, Any] = {
            "error": self.error,
            "error_description": _description(self, now, trace_id, correlation_id),
            "error_codes": [self.code],
            "timestamp": _timestamp(now),
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"{origin}/error?code={self.code}",
        }
        if self.suberror:
            answer["suberror"] = self.suberror
        if self.claims:
            answer["claims"] = self.claims
        return answer


def _description(error: EntraError, now: datetime, trace_id: str, correlation_id: str) -> str:
    return (
        f"AADSTS{error.code}: {error.text}\r\nTrace ID: {trace_id}\r\nCorrelation ID: {correlation_id}\r\n"
        f"Timestamp: {_timestamp(now)}"
    )


def _timestamp(now: datetime) -> str:
    return now.strftime("%Y-%m-%d %H:%M:%SZ")

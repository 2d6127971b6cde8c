"""The claims challenge of a 401 (Microsoft: Claims challenges, claims requests, and client capabilities)."""

from __future__ import annotations

import base64
import binascii
import json
import re

_CLAIMS = re.compile(r'claims="([^"]*)"')
_ERROR = re.compile(r'error="insufficient_claims"', re.I)


def claims_of(header: str) -> str | None:
    """The claims that Entra ID must be asked for, as JSON text; None where there is no such challenge.

    `header` is the value of `WWW-Authenticate`, of all of them joined where there are several. Base64
    comes with or without padding, in either alphabet. Nothing else in the header is acted on: its
    `authorization_uri` could be anybody's.
    """
    if not _ERROR.search(header):
        return None
    for text in _CLAIMS.findall(header):
        padded = text.replace("-", "+").replace("_", "/").rstrip("=")
        padded += "=" * (-len(padded) % 4)
        try:
            claims = json.loads(base64.b64decode(padded, validate=True))
        except (binascii.Error, ValueError):
            continue
        if isinstance(claims, dict):
            return json.dumps(claims)
    return None

"""The `claims` parameter: what the client is capable of, and what a challenge asks for.

`cp1` says that we handle claims challenges; Entra ID then issues long-lived access tokens that can
be refused at any time (Microsoft: Claims challenges, claims requests, and client capabilities).
"""

from __future__ import annotations

import json
from typing import Any

_CAPABILITIES = {"access_token": {"xms_cc": {"values": ["cp1"]}}}
CAPABILITIES = json.dumps(_CAPABILITIES, separators=(",", ":"))


def with_capabilities(challenge: str | None) -> str:
    """The claims of a challenge (JSON text) together with our capabilities.

    What is no JSON object asks for nothing that could be passed on, and is left out.
    """
    try:
        asked: Any = json.loads(challenge or "{}")
    except ValueError:
        asked = {}
    if not isinstance(asked, dict):
        asked = {}
    token = asked.get("access_token")
    access = {**(token if isinstance(token, dict) else {}), **_CAPABILITIES["access_token"]}
    return json.dumps({**asked, "access_token": access}, separators=(",", ":"))
